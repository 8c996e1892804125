// Sessions whose client vanishes in the middle of a response: its connection is reset while it waits for more.

import { randomUUID } from "node:crypto";
import { request, start } from "../harness/clients/http.mjs";
import { within } from "../harness/waiting/wait.mjs";

/** One of each transport that waits. Each takes a session's URL and resolves to a receiver that waits, its session open. */
const RECEIVERS = [
  (session) => openStream(session, "POST", "xhr_streaming"),
  (session) => openStream(session, "GET", "eventsource"),
  (session) => openStream(session, "GET", "htmlfile?c=callback"),
  openPoll,
];

/** A frame that opens a session, in the wrapping of each of them. */
const OPEN_FRAME = /^o\n$|^data: o\r\n\r\n$|^<script>\np\("o"\);\n<\/script>\r\n$/;

/** Opens `total` sessions of `service` and abandons them, at most `atOnce` at a time. */
export async function abandon(service, total, atOnce) {
  let next = 0;
  const work = async () => {
    while (next < total) {
      const open = RECEIVERS[next++ % RECEIVERS.length];
      (await open(`${service}/000/${randomUUID()}`)).reset();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

async function openStream(session, method, path) {
  const stream = await start(`${session}/${path}`, { method });
  await stream.head();
  const opened = async () => {
    while (!OPEN_FRAME.test(await stream.chunk()));
  };
  await within(opened(), `the open frame of ${path}`);
  return stream;
}

async function openPoll(session) {
  const { body } = await request(`${session}/xhr`, { method: "POST" });
  if (!OPEN_FRAME.test(body)) throw new Error(`no open frame: ${JSON.stringify(body)}`);
  const poll = await start(`${session}/xhr`, { method: "POST" });
  await poll.head(); // there since the poll waits
  return poll;
}
