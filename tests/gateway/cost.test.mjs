// What the gateway costs: WebSockets ask no object, and sessions over HTTP share few.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { startMeteredServer } from "../../bench/cost/metered-server.mjs";
import { knock } from "../harness/clients/doors.mjs";
import { RAW, openSession } from "../harness/clients/eager-session.mjs";
import { signTicket } from "../harness/clients/signing.mjs";
import { connectStockClient } from "../harness/clients/stock-client.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { until } from "../harness/waiting/wait.mjs";
import { startUpstream } from "./upstream.mjs";

const POOL = 8;
const SESSIONS = 200;
const TICKET_KEY = "x".repeat(32);
/** Time between two reports of an isolate. */
const REPORT_EVERY_MS = 10_000;

async function start(t, vars = {}) {
  const upstream = await startUpstream(t);
  const server = await startMeteredServer(t, { vars: { SOCKJS_UPSTREAM: upstream.address, SOCKJS_DISCONNECT_DELAY: "60000", ...vars } });
  return { upstream, server, service: `${server.url}/sockjs` };
}

for (const transport of ["websocket", RAW]) {
  test(`a connection by ${transport} with 100 messages asks no object`, async (t) => {
    const { server, service } = await start(t, { SOCKJS_METRICS: "true" });
    const session = await openSession(t, service, transport);
    const messages = Array.from({ length: 100 }, (_, number) => `${number}`);
    await session.send(messages);
    assert.deepEqual(await session.received(100), messages);
    const { workerRequests, fetches, constructions, setAlarms, sqlRowsWritten } = await server.settled();
    assert.deepEqual({ workerRequests, fetches, constructions, setAlarms, sqlRowsWritten }, { workerRequests: 1, fetches: 0, constructions: 0, setAlarms: 0, sqlRowsWritten: 0 });
  });
}

test("a ticket is checked without any object, and the upstream sees nothing of it", async (t) => {
  const { upstream, server, service } = await start(t, { SOCKJS_TICKETS: "true", SOCKJS_TICKET_KEYS: TICKET_KEY, SOCKJS_LOG: "error" });
  assert.equal((await knock(service, "websocket")).status, 403);
  assert.equal((await knock(service, "raw websocket")).status, 403);
  assert.equal(upstream.asked, 0);
  const client = await connectStockClient(t, service, "websocket");
  client.send("a");
  assert.equal(await client.messages.next(), "a");
  const { url } = await upstream.requests.next("a handshake");
  assert.equal(url, "/ws");
  const { fetches, constructions } = await server.settled();
  assert.deepEqual({ fetches, constructions }, { fetches: 0, constructions: 0 });
  const other = await connectStockClient(t, service, "xhr-streaming");
  other.send("b");
  assert.equal(await other.messages.next(), "b");
});

for (const transport of ["websocket", RAW]) {
  const CONNECTIONS = 30;
  test(`${CONNECTIONS} connections by ${transport} with limiter, tickets, claims and metrics ask no object; the isolate reports once`, async (t) => {
    const { upstream, server, service } = await start(t, {
      SOCKJS_METRICS: "true",
      SOCKJS_ADDRESS_LIMITER: "ADMITTING_LIMITER",
      SOCKJS_TICKETS: "true",
      SOCKJS_TICKET_KEYS: TICKET_KEY,
      SOCKJS_UPSTREAM_SECRET: "s".repeat(32),
    });
    const began = performance.now();
    for (let count = 0; count < CONNECTIONS; count++) {
      const ticket = signTicket(TICKET_KEY, { p: "/sockjs", c: { number: count } });
      // Its session is in the path, and a raw WebSocket has none.
      const path = transport === RAW ? "/websocket" : `/000/${randomUUID()}/websocket`;
      const socket = await openWebSocket(t, `${service}${path}?ticket=${ticket}`);
      if (transport !== RAW) assert.equal(await socket.frames.next("the open frame"), "o");
      socket.send(transport === RAW ? "a" : '["a"]');
      assert.equal(await socket.frames.next("the echo"), transport === RAW ? "a" : 'a["a"]');
      const { headers } = await upstream.requests.next("a handshake");
      const { claims } = JSON.parse(Buffer.from(headers["sockjs-claims"].split(".")[1], "base64url"));
      assert.deepEqual(claims, { number: count });
    }
    assert.ok(performance.now() - began < REPORT_EVERY_MS, "before the first report");
    const { fetches, constructions } = await server.settled();
    assert.deepEqual({ fetches, constructions }, { fetches: 0, constructions: 0 });
    await until(async () => (await server.counters()).reports > 0, "a report", 2 * REPORT_EVERY_MS);
    const reported = await server.settled();
    assert.deepEqual([reported.fetches, reported.reports, reported.workerRequests], [1, 1, CONNECTIONS]);
  });
}

test(`${SESSIONS} sessions over HTTP have at most ${POOL} objects`, async (t) => {
  const { upstream, server, service } = await start(t);
  const sessions = [];
  for (let count = 0; count < SESSIONS; count += 20) {
    sessions.push(...(await Promise.all(Array.from({ length: 20 }, () => openSession(t, service, "xhr_streaming")))));
  }
  await Promise.all(sessions.map((session, number) => session.send([`${number}`])));
  for (const [number, session] of sessions.entries()) assert.deepEqual(await session.received(1), [`${number}`]);
  assert.equal(upstream.accepted, SESSIONS);
  const { constructions } = await server.counters();
  assert.ok(constructions <= POOL, `${constructions} objects`);
});
