// What a message to a backend over HTTP costs: requests of the object, requests to the backend, and time for which the object is awake.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { billed, dollars, times } from "../../bench/cost/bill.mjs";
import { startMeteredServer } from "../../bench/cost/metered-server.mjs";
import { openSession } from "../harness/clients/eager-session.mjs";
import { echo, encode, startHttpBackend } from "./http-backend.mjs";

const MESSAGES = 20;
const PACE_MS = 200;
const BACKEND_MS = 50;
/** Opening writes a little later, too. */
const OPENED_MS = 6_000;
const BEATS = 4;

/** A server, and a connection to it that was opened a while ago. */
async function opened(t, transport, answer) {
  const backend = await startHttpBackend(t, { answer: async (call) => (await sleep(BACKEND_MS), answer(call)) });
  const server = await startMeteredServer(t, { vars: { SOCKJS_UPSTREAM: backend.address, SOCKJS_DISCONNECT_DELAY: "60000" } });
  const session = await openSession(t, `${server.url}/sockjs`, transport);
  await sleep(OPENED_MS);
  return { backend, server, session };
}

/** What the platform bills for each of `count`. */
function bill(counters, count) {
  const each = times(counters, 1 / count);
  const units = Object.entries(billed(each)).map(([unit, number]) => `${unit} ${number.toFixed(4)}`);
  return `${units.join(", ")}; $${(dollars(each) * 1e6).toFixed(2)} for a million`;
}

for (const [transport, isHttp] of [
  ["websocket", false],
  ["xhr_streaming", true],
]) {
  for (const [how, pace] of [["one by one", PACE_MS], ["all at once", 0]]) {
    test(`${MESSAGES} messages and their echoes over ${transport}, ${how}`, { timeout: 60_000 }, async (t) => {
      const { backend, server, session } = await opened(t, transport, echo);
      await server.settled();
      await server.reset();
      const asked = backend.asked;
      const messages = Array.from({ length: MESSAGES }, (_, number) => `${number}`);
      for (const message of messages) {
        await session.send([message]);
        if (pace > 0) await sleep(pace);
      }
      assert.deepEqual(await session.received(MESSAGES), messages);
      const requests = backend.asked - asked;
      const counters = await server.settled();
      const { workerRequests, fetches, alarms, sqlRowsWritten, setAlarms, wakefulSockets, busyMs } = counters;
      t.diagnostic(`for each message: ${bill(counters, MESSAGES)}; ${requests / MESSAGES} requests to the backend`);
      assert.equal(workerRequests, isHttp ? MESSAGES : 0);
      assert.equal(fetches, isHttp ? MESSAGES : 0);
      // Of a stream, the Worker acknowledges what it wrote.
      assert.ok(isHttp ? counters.messages < MESSAGES : counters.messages === MESSAGES, `${counters.messages} messages to the object`);
      assert.deepEqual({ alarms, sqlRowsWritten, setAlarms, wakefulSockets }, { alarms: 0, sqlRowsWritten: 0, setAlarms: 0, wakefulSockets: 0 });
      if (pace > 0) assert.equal(requests, MESSAGES);
      else assert.ok(requests < MESSAGES, `${requests} requests to the backend`);
      assert.ok(busyMs < requests * (BACKEND_MS + 150), `the object was awake for ${busyMs} ms`);
    });
  }

  test(`keep-alive over ${transport}: an alarm and a few rows for each message`, { timeout: 60_000 }, async (t) => {
    const keepAlive = `c:${JSON.stringify({ type: "keep-alive", content: "idle", timeout: 2 })}`;
    const answer = () => ({ headers: { "Sec-WebSocket-Extensions": "grip" }, body: Buffer.concat([encode("OPEN"), encode("TEXT", keepAlive)]) });
    const { server, session } = await opened(t, transport, answer);
    const before = session.messages.length;
    await server.reset();
    await session.received(before + BEATS);
    const counters = await server.counters();
    t.diagnostic(`for each message: ${bill(counters, BEATS)}`);
    const { alarms, setAlarms, sqlRowsWritten } = counters;
    assert.ok(alarms <= BEATS + 1 && setAlarms <= 2 * (BEATS + 1) && sqlRowsWritten <= 3 * (BEATS + 1), JSON.stringify({ alarms, setAlarms, sqlRowsWritten }));
  });
}
