// The end of a session over HTTP. Whoever asks for a closed one is told why it was closed, until `disconnect_delay` after
// the last time that somebody asked; then nobody knows it any more.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Session } from "../harness/clients/session.mjs";
import { STREAMS, TRANSPORTS } from "../harness/protocol/transports.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { until } from "../harness/waiting/wait.mjs";

const SEGMENTS = Object.keys(TRANSPORTS);
const DISCONNECT_MS = 1000;
/** The server's clock and this one's. */
const EARLIEST_MS = 0.9 * DISCONNECT_MS;
const ASK_EVERY_MS = DISCONNECT_MS / 5;
const RESPONSE_LIMIT = 4096; // of /echo
const ANOTHER = 'c[2010,"Another connection still open"]';
const FORM = { "Content-Type": "application/x-www-form-urlencoded" };

const HASTY = { vars: { SOCKJS_DISCONNECT_DELAY: String(DISCONNECT_MS) } };
const hasty = await startServer({ after }, HASTY);
/** Of handlers that fail, and so it logs. */
const failing = await startServer({ after }, { ...HASTY, log: () => {} });

/** Ways to a closed session. Each resolves to the session; `frame` is what it says from then on. */
const CLOSED = {
  "closed by the service": {
    frame: 'c[3000,"Go away!"]',
    async end(t, segment) {
      const session = new Session(t, `${hasty.url}/close`, segment);
      assert.equal(await session.next(), "o");
      return session;
    },
  },
  "left by its client": {
    frame: 'c[1002,"Connection interrupted"]',
    async end(t, segment) {
      const session = new Session(t, `${hasty.url}/echo`, segment);
      assert.equal(await session.next(), "o");
      (await session.receiver()).connection.reset();
      return session;
    },
  },
  "whose handler failed": {
    frame: 'c[1011,"Handler failed"]',
    async end(t, segment) {
      const session = new Session(t, `${failing.url}/trouble`, segment);
      assert.equal(await session.next(), "o");
      await session.send("a", "b", '{"fail":{}}', "c");
      const messages = [];
      while (messages.length < 2) messages.push(...JSON.parse((await session.next()).slice(1)));
      assert.deepEqual(messages, ["a", "b"], "what it sent before comes first");
      assert.equal(await session.next(), this.frame);
      return session;
    },
  },
};

describe("a session ends", { concurrency: true }, () => {
  for (const segment of SEGMENTS) {
    for (const [how, closed] of Object.entries(CLOSED)) {
      test(`${segment}: one ${how} says so to all who ask, and is forgotten when nobody does`, async (t) => {
        const session = await closed.end(t, segment);
        const asked = await askOverAll(t, session, closed.frame);
        await forgotten(session, asked);
        assert.equal(await ask(t, session, segment), "o", "a session of its own");
      });
    }

    test(`${segment}: one without a receiver is forgotten, with what waits in it`, async (t) => {
      const session = new Session(t, `${hasty.url}/echo`, segment);
      let asked = performance.now();
      assert.equal(await session.next(), "o");
      if (STREAMS.includes(segment)) asked = await readToTheEnd(session);
      await forgotten(session, asked);
      const next = new Session(t, `${hasty.url}/echo`, segment, session.id);
      assert.equal(await next.next(), "o");
      await next.send("fresh");
      assert.equal(await next.next(), 'a["fresh"]');
    });

    test(`${segment}: one whose receiver waits goes on for longer than the disconnect delay`, async (t) => {
      const session = new Session(t, `${hasty.url}/echo`, segment);
      assert.equal(await session.next(), "o");
      await session.receiver();
      await sleep(2 * DISCONNECT_MS);
      await session.send("a");
      assert.equal(await session.next(), 'a["a"]');
      assert.equal(session.receivers, STREAMS.includes(segment) ? 1 : 2);
    });
  }
});

/**
 * Receives and sends, one transport after the other, for longer than a session without a receiver lasts. Resolves to when
 * the last receive request began.
 */
async function askOverAll(t, session, closeFrame) {
  const began = performance.now();
  for (let turn = 0, asked = began; ; turn++) {
    const before = asked;
    asked = performance.now();
    const frame = await ask(t, session, SEGMENTS[turn % SEGMENTS.length]);
    const sent = [await session.post("xhr_send", '["a"]'), await session.post("jsonp_send", 'd=["a"]', FORM)];
    const now = performance.now();
    // A machine that was busy for so long: the session was forgotten by right.
    if (now - before >= EARLIEST_MS) return asked;
    // Of the one that its client left, the first newcomers may find it not yet known to be gone.
    if (frame !== ANOTHER) assert.equal(frame, closeFrame);
    assert.deepEqual(
      sent.map(({ status, body }) => [status, body]),
      [[204, ""], [200, "ok"]],
      "a client whose send fails would miss the close frame",
    );
    if (frame === closeFrame && now - began > 2 * DISCONNECT_MS) return asked;
    await sleep(ASK_EVERY_MS);
  }
}

/** The one frame that a receive request over this transport is answered with. */
async function ask(t, session, segment) {
  const service = session.url.slice(0, session.url.indexOf("/000/"));
  const receiver = await new Session(t, service, segment, session.id).openReceiver();
  const frame = await receiver.frame();
  if (frame !== "o") assert.equal(await receiver.chunk(), null);
  receiver.connection.close();
  return frame;
}

/** Reads a stream until it is as long as it may be; resolves to a moment before its end. */
async function readToTheEnd(session) {
  const stream = await session.receiver();
  const before = performance.now();
  await session.send("x".repeat(RESPONSE_LIMIT));
  assert.notEqual(await stream.frame(), null);
  assert.equal(await stream.chunk(), null);
  return before;
}

/** Sends do not keep a session: they are accepted as long as it is known. */
async function forgotten(session, asked) {
  const isUnknown = async () => {
    const { status } = await session.post("xhr_send", '["a"]');
    assert.ok([204, 404].includes(status), `status ${status}`);
    return status === 404;
  };
  await until(isUnknown, "the session to be forgotten");
  const lasted = performance.now() - asked;
  assert.ok(lasted >= EARLIEST_MS, `it was forgotten after ${lasted} ms`);
  assert.equal((await session.post("jsonp_send", 'd=["a"]', FORM)).status, 404);
}
