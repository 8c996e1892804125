// Backlogs of messages, and the program that sends one and checks its answers.

import assert from "node:assert/strict";
import { TRANSPORTS, bodyOf, openSession } from "../harness/clients/eager-session.mjs";
import { assertComplete, backlog } from "../harness/messages/numbered.mjs";

const KIB = 1024;
const MIB = 1024 * KIB;
/** protocol/src/service/options/table.rs. */
const MESSAGE_LIMIT = 512 * KIB;

/** The services' answers to a message. */
const ANSWERS = {
  echo: (message) => message,
  amplify: (exponent) => "x".repeat(2 ** Number(exponent)),
};

/**
 * The ways to send bodies. Over a WebSocket a body is one WebSocket message, and the server does not report when it accepts it.
 */
const WAYS = {
  "one after the other": async (session, bodies) => {
    for (const body of bodies) await session.send(body);
  },
  "at once": (session, bodies) => Promise.all(bodies.map((body) => session.send(body))),
  /** The session is paused. The server accepts all bodies before the next poll. */
  "before the next poll": async (session, bodies) => {
    await WAYS["at once"](session, bodies);
    session.resume();
  },
  /** The session is paused until all bodies are on their way. The server may hold some until polls take what was before. */
  "while the client comes to poll": async (session, bodies) => {
    const sent = WAYS["at once"](session, bodies);
    session.resume();
    await sent;
  },
};

const POLLS = ["xhr", "jsonp"];
const SEVERAL = ["websocket", "xhr_streaming", "xhr"];

const inOne = (messages) => [messages];
const each = (messages) => messages.map((message) => [message]);
const times = (count, body) => Array.from({ length: count }, () => body);

/** By their names. The default is to /echo, over all transports, one body after the other. */
export const BACKLOGS = {
  "16,000 messages of a letter in one body": { bodies: inOne(backlog(16_000, 1)) },
  "100,000 messages of a letter in one body": { bodies: inOne(backlog(100_000, 1)) },
  "50,000 messages of two letters in two bodies": {
    bodies: times(2, backlog(25_000, 2)),
    transports: SEVERAL,
  },
  "14 messages of 400 KB in one body": { bodies: inOne(backlog(14, 400_000)), transports: ["jsonp", ...SEVERAL] },
  "five answers of 256 KiB to one body": { service: "amplify", bodies: inOne(times(5, "18")) },
  "40 answers, of 2 bytes to 256 KiB, to one body": {
    service: "amplify",
    bodies: inOne(Array.from({ length: 40 }, (_, number) => String(18 - (number % 3) * (number % 7)))),
    transports: SEVERAL,
  },
  "40 answers of 256 KiB to 40 bodies": {
    service: "amplify",
    bodies: times(40, ["18"]),
    transports: ["eventsource", ...SEVERAL],
  },
  "90,000 emoji in one message": { bodies: inOne(["😀".repeat(90_000)]) },
  "as many emoji as fit in one message": { bodies: inOne(["😀".repeat(MESSAGE_LIMIT / 4)]) },
  "as many quotation marks as fit in one message": { bodies: inOne(['"'.repeat(MESSAGE_LIMIT)]) },
  "as many control characters as fit in one message": { bodies: inOne(["\u0001".repeat(MESSAGE_LIMIT)]) },
  "12 messages of 200 KB in 12 bodies": {
    bodies: each(backlog(12, 200_000)),
    way: "before the next poll",
    transports: POLLS,
  },
  "70 messages of 100 KB in 70 bodies": {
    bodies: each(backlog(70, 100_000)),
    way: "before the next poll",
    transports: ["xhr"],
  },
  "30 messages of 400 KB in 30 bodies": {
    bodies: each(backlog(30, 400_000)),
    way: "while the client comes to poll",
    transports: POLLS,
  },
  "25 messages of 300 KB in 25 bodies": {
    bodies: each(backlog(25, 300_000)),
    way: "at once",
    transports: ["xhr_streaming", "eventsource", "htmlfile"],
  },
};

/** Sends a backlog over a transport, and checks its answers and the answer to one more message. */
export async function exchange(owner, { url }, transport, { service = "echo", bodies, way = "one after the other" }) {
  const isPaused = way.includes("poll");
  const session = await openSession(owner, `${url}/${service}`, transport, { isPaused });
  const sent = bodies.flat().map(ANSWERS[service]);
  const [, received] = await Promise.all([WAYS[way](session, bodies), session.received(sent.length)]);
  // Bodies that are on their way at once have no order.
  if (way === "one after the other") assertComplete(received, sent);
  else assertComplete(received.toSorted(), sent.toSorted());

  await session.send(["1"]); // a doubled last message would come before it
  assertComplete((await session.received(sent.length + 1)).slice(-1), [ANSWERS[service]("1")]);
  assert.equal(session.end, undefined);
}

/** Bounds of random backlogs: bytes of a message, number of messages, bytes of all. */
const LARGEST_MESSAGE = 400_000;
const [FEWEST_MESSAGES, MOST_MESSAGES] = [10, 100_000];
const LARGEST_BACKLOG = 6 * MIB;
/** Below body_limit. Bodies are cut to equal numbers of messages, so one may be a message larger. */
const LARGEST_BODY = 6 * MIB;
const FILLINGS = ["-", "é", "語", "😀"];

/** Returns a backlog for /echo, made from random numbers between 0 and 1: `{ transport, bodies, name }`. */
export function randomBacklog(random) {
  const between = (least, most) => Math.floor(Math.exp(Math.log(least) + random() * Math.log((most + 1) / least)));
  const oneOf = (choices) => choices[Math.floor(random() * choices.length)];
  const transport = oneOf(TRANSPORTS);
  const filling = oneOf(FILLINGS);
  const size = between(1, LARGEST_MESSAGE);
  const most = Math.min(MOST_MESSAGES, Math.floor(LARGEST_BACKLOG / size));
  const count = oneOf([most, between(FEWEST_MESSAGES, most)]);
  const messages = backlog(count, size, filling);
  const fewest = Math.ceil(Buffer.byteLength(bodyOf(transport, messages)) / LARGEST_BODY);
  const pieces = Math.min(count, between(fewest, fewest + 20));
  const cut = (piece) => Math.floor((piece * count) / pieces);
  const bodies = Array.from({ length: pieces }, (_, piece) => messages.slice(cut(piece), cut(piece + 1)));
  const name = `${transport}: ${count} messages of ${size} bytes, filled with ${filling}, sent in ${pieces}`;
  return { transport, bodies, name };
}
