// A stream is ended when it is long or old enough, and the client's next one goes on where it ended.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Session } from "../harness/clients/session.mjs";
import { STREAMS, TRANSPORTS } from "../harness/protocol/transports.mjs";
import { startServer } from "../harness/servers/server.mjs";

const RESPONSE_LIMIT = 4096; // of /echo
const MAX_AGE_MS = 2500;
const HEARTBEAT_MS = 1000;
const ROUNDS = 10;
const AT_ONCE = 10;

const server = await startServer({ after });
const aging = await startServer(
  { after },
  { vars: { SOCKJS_HEARTBEAT_DELAY: String(HEARTBEAT_MS), SOCKJS_RECEIVER_MAX_AGE: String(MAX_AGE_MS) } },
);
const echo = `${server.url}/echo`;

test("xhr_streaming: 31 frames of 134 bytes reach the limit of 4096, the prelude of 2049 not counted", async (t) => {
  const session = new Session(t, echo, "xhr_streaming");
  const stream = await session.openReceiver();
  assert.equal(await stream.chunk(), "o\n");
  const message = "x".repeat(128);
  for (let count = 0; count < 31; count++) {
    await session.send(message);
    const chunk = await stream.chunk();
    assert.equal(chunk, `a["${message}"]\n`);
    assert.equal(chunk.length, 134);
  }
  assert.equal(await stream.chunk(), null);
});

for (const segment of STREAMS) {
  const { wrap } = TRANSPORTS[segment];

  test(`${segment}: a frame longer than the limit is one chunk and the last`, async (t) => {
    const session = new Session(t, echo, segment);
    const stream = await session.openReceiver();
    assert.equal(await stream.chunk(), wrap("o"));
    const message = "x".repeat(RESPONSE_LIMIT);
    await session.send(message);
    assert.equal(await stream.chunk(), wrap(`a["${message}"]`));
    assert.equal(await stream.chunk(), null);
  });

  test(`${segment}: what does not fit into one stream comes on the next ones, in order and once`, async (t) => {
    const session = new Session(t, echo, segment);
    assert.equal(await session.next(), "o");
    const sending = sendRounds(session);
    const received = [];
    while (received.length < ROUNDS * AT_ONCE) received.push(...JSON.parse((await session.next()).slice(1)));
    await sending;

    const rounds = received.map((message) => Number(message.split(".")[0]));
    assert.deepEqual(rounds, rounds.toSorted((a, b) => a - b));
    const sent = Array.from({ length: ROUNDS }, (_, round) => messagesOf(round)).flat();
    assert.deepEqual(received.toSorted(), sent.toSorted());
    await session.send("the end"); // a doubled last message would come before it
    assert.equal(await session.next(), 'a["the end"]');
  });

  test(`${segment}: what was sent after the end of a stream is the first thing on the next one`, async (t) => {
    const session = new Session(t, echo, segment);
    assert.equal(await session.next(), "o");
    const first = await session.receiver();
    await session.send("x".repeat(RESPONSE_LIMIT));
    assert.equal((await first.chunk()).length, wrap(`a["${"x".repeat(RESPONSE_LIMIT)}"]`).length);
    assert.equal(await first.chunk(), null);
    await session.send("a");
    await session.send("b");
    const second = await session.openReceiver();
    assert.equal(await second.chunk(), wrap('a["a","b"]'));
  });

  test(`${segment}: a stream of receiver_max_age ends with a heartbeat, and its session goes on`, async (t) => {
    const session = new Session(t, `${aging.url}/echo`, segment);
    const began = performance.now();
    const stream = await session.openReceiver();
    const frames = [];
    do frames.push(await stream.frame());
    while (frames.at(-1) !== null);
    const age = performance.now() - began;

    assert.equal(frames.shift(), "o");
    assert.equal(frames.pop(), null);
    assert.deepEqual([...new Set(frames)], ["h"]);
    // A heartbeat that comes within half of its delay before that ends it.
    assert.ok(age >= MAX_AGE_MS - HEARTBEAT_MS / 2, `it ended after ${age} ms`);
    await session.send("a");
    assert.equal(await session.next(), 'a["a"]');
  });
}

function messagesOf(round) {
  return Array.from({ length: AT_ONCE }, (_, number) => `${round}.${number}:${"x".repeat(200)}`);
}

/** A round's messages go at once, so that some are on their way when a stream ends; the next round waits for them. */
async function sendRounds(session) {
  for (let round = 0; round < ROUNDS; round++) {
    await Promise.all(messagesOf(round).map((message) => session.send(message)));
  }
}
