// The clients in the recording of the previous build, and again during its playback: a poll that is answered at once, one that
// waits, sends in the command and in a body, a stream that its client leaves, and one that the application closes.

import { setTimeout as sleep } from "node:timers/promises";
import { Session } from "../harness/clients/session.mjs";

const LONG = "long ".repeat(450);

/** More than the time after which what a stream wrote is acknowledged. */
const ACKNOWLEDGED_MS = 1_500;
/** For what a Worker says after its client is gone. */
const SAID_MS = 500;

/** The frames that they read. */
export async function converse(owner, url) {
  const frames = [];
  const poll = new Session(owner, `${url}/echo`, "xhr", "recorded-poll");
  frames.push(await poll.next());
  await poll.send("a", 'b "');
  frames.push(await poll.next());
  const waiting = poll.next();
  await sleep(SAID_MS);
  await poll.send("waited for");
  frames.push(await waiting);
  await poll.send("é", LONG);
  frames.push(await poll.next());
  const stream = new Session(owner, `${url}/echo`, "xhr_streaming", "recorded-stream");
  frames.push(await stream.next());
  await stream.send("one");
  frames.push(await stream.next());
  await sleep(ACKNOWLEDGED_MS);
  (await stream.receiver()).connection.reset();
  await sleep(SAID_MS);
  const closed = new Session(owner, `${url}/close`, "xhr_streaming", "recorded-close");
  frames.push(await closed.next(), await closed.next());
  await sleep(SAID_MS);
  return frames;
}
