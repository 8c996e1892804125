// Counters are reported seldom: never with each message, and not at all while nothing happens.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { billed } from "../../bench/cost/bill.mjs";
import { TRANSPORTS } from "../../bench/cost/connections.mjs";
import { measureIdle } from "../../bench/cost/idle.mjs";
import { ROWS_PER_HEARTBEAT } from "../../bench/cost/limits.mjs";
import { withServer } from "../../bench/cost/servers.mjs";
import { until } from "../harness/waiting/wait.mjs";

const ON = { SOCKJS_METRICS: "true" };
const MESSAGES = 200;
const HEARTBEAT_MS = 3000;

const reports = (server, count) =>
  until(async () => (await server.counters()).reports >= count, `${count} reports`, 20_000);

describe("with metrics", { concurrency: true }, () => {
  for (const transport of ["websocket", "websocket-raw", "xhr-streaming", "xhr-polling"]) {
    const { open } = TRANSPORTS[transport];

    test(`${transport}: a report of the opening, one for ${MESSAGES} messages in ten seconds, one of the end`, () =>
      withServer("session", async (server, owner) => {
        const started = performance.now();
        const connection = await open(owner, `${server.url}/echo`);
        for (let count = 0; count < MESSAGES; count++) {
          await connection.send("m");
          await connection.next();
        }
        const windows = Math.ceil((performance.now() - started) / 10_000);
        await reports(server, 2);
        await connection.leave();
        await reports(server, 3);
        const counters = await server.settled();
        assert.ok(counters.reports <= 2 + windows, JSON.stringify(counters));
      }, ON));
  }

  test("ten connections that leave a room together: not a report for each", () =>
    withServer("room", async (server, owner) => {
      const { open } = TRANSPORTS.websocket;
      const started = performance.now();
      const sockets = [];
      for (let count = 0; count < 10; count++) sockets.push(await open(owner, `${server.url}/echo`));
      await reports(server, 2);
      for (const socket of sockets) await socket.leave();
      const windows = Math.ceil((performance.now() - started) / 10_000);
      await reports(server, 3);
      assert.ok((await server.settled()).reports <= 2 + windows);
    }, ON));

  test("an idle connection reports nothing, and writes no more rows than without", () =>
    withServer("session", async (server, owner) => {
      const { open } = TRANSPORTS["xhr-streaming"];
      const options = { count: 1, heartbeatMs: HEARTBEAT_MS, heartbeats: 3 };
      const { counters, heartbeats } = await measureIdle(server, () => open(owner, `${server.url}/echo`), options);
      assert.equal(counters.reports, 0);
      const { rowsWritten } = billed(counters);
      assert.ok(rowsWritten <= ROWS_PER_HEARTBEAT.stream * heartbeats, `${rowsWritten} rows`);
    }, { ...ON, SOCKJS_HEARTBEAT_DELAY: String(HEARTBEAT_MS) }));
});

test("without metrics nothing is reported", () =>
  withServer("session", async (server, owner) => {
    const connection = await TRANSPORTS.websocket.open(owner, `${server.url}/echo`);
    await connection.send("m");
    await connection.next();
    await connection.leave();
    assert.equal((await server.settled()).reports, 0);
  }));
