// What the gateway costs: WebSockets ask no object, and sessions over HTTP share few.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startMeteredServer } from "../../bench/cost/metered-server.mjs";
import { knock } from "../harness/clients/doors.mjs";
import { RAW, openSession } from "../harness/clients/eager-session.mjs";
import { connectStockClient } from "../harness/clients/stock-client.mjs";
import { startUpstream } from "./upstream.mjs";

const POOL = 8;
const SESSIONS = 200;

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
  const { upstream, server, service } = await start(t, { SOCKJS_TICKETS: "true", SOCKJS_TICKET_KEYS: "x".repeat(32), SOCKJS_LOG: "error" });
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
