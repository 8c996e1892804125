// The meter sees what there is to see: the other tests here are about what it does not see.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { billed } from "../../bench/cost/bill.mjs";
import { startMeteredServer } from "../../bench/cost/metered-server.mjs";
import { openPollingSession } from "../harness/clients/polling-session.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { until } from "../harness/waiting/wait.mjs";

const PERSIST_AFTER_MS = 250;
const GRACE_MS = 50;
const ROWS_OF_TABLE = 2; // a table and its index
/** An alarm for later is set at the open; without a receiver it is moved. */
const ALARMS = 2;

describe("the meter counts", { concurrency: true }, () => {
  test("requests, the tables, a session's row and its alarm", async (t) => {
    const server = await startMeteredServer(t);
    await openPollingSession(`${server.url}/echo`);
    const counters = await server.settled();
    const { workerRequests, fetches, sqlRowsWritten, setAlarms } = counters;
    assert.deepEqual([workerRequests, fetches, sqlRowsWritten, setAlarms], [1, 1, ROWS_OF_TABLE + 1, ALARMS]);
    assert.equal(billed(counters).rowsWritten, ROWS_OF_TABLE + 1 + ALARMS);
  });

  test("a message that waits, and the timer that keeps its object awake until it is stored", async (t) => {
    const server = await startMeteredServer(t);
    const session = await openPollingSession(`${server.url}/echo`);
    await server.settled();
    await server.reset();
    await session.send(["m"]);
    const stored = await server.settled();
    assert.equal(stored.sqlRowsWritten, ROWS_OF_TABLE + 1);
    assert.ok(stored.busyMs >= PERSIST_AFTER_MS, `${stored.busyMs} ms`);
    assert.ok(stored.residentMs > stored.busyMs);
    await server.reset();
    await session.poll();
    assert.equal((await server.settled()).sqlRowsWritten, 1, "its row is deleted");
  });

  test("the grace that a poll is held for, and the WebSocket that takes over", async (t) => {
    const server = await startMeteredServer(t);
    const session = await openPollingSession(`${server.url}/echo`);
    await server.settled();
    await server.reset();
    await session.pendingPoll(t);
    const { busyMs, hibernatableSockets, wakefulSockets } = await server.settled();
    assert.ok(busyMs >= GRACE_MS, `${busyMs} ms`);
    assert.deepEqual([hibernatableSockets, wakefulSockets], [1, 0]);
  });

  test("messages on a WebSocket, at twenty for a request", async (t) => {
    const server = await startMeteredServer(t);
    const socket = await openWebSocket(t, `${server.url}/echo/websocket`);
    await server.settled();
    await server.reset();
    for (let count = 0; count < 20; count++) {
      socket.send("m");
      await socket.frames.next("the echo");
    }
    const counters = await server.settled();
    assert.equal(counters.messages, 20);
    assert.deepEqual([billed(counters).workerRequests, billed(counters).objectRequests], [0, 1]);
  });

  test("a WebSocket that keeps its object awake, as long as it is open", async (t) => {
    const server = await startMeteredServer(t);
    const socket = await openWebSocket(t, `${server.url}/close/000/s/websocket`);
    await socket.closed;
    const { wakefulSockets, hibernatableSockets } = await server.settled();
    assert.deepEqual([wakefulSockets, hibernatableSockets], [1, 0]);
  });

  test("alarms, and the end of an object's storage", async (t) => {
    const server = await startMeteredServer(t, { vars: { SOCKJS_DISCONNECT_DELAY: "1000" } });
    await openPollingSession(`${server.url}/echo`);
    await until(async () => (await server.counters()).deleteAlls === 1, "the end of the session's storage");
    const { alarms, setAlarms, sqlRowsWritten } = await server.settled();
    assert.deepEqual([alarms, setAlarms, sqlRowsWritten], [1, ALARMS, ROWS_OF_TABLE + 2]);
  });
});
