// A report that fails is not lost: what was in it goes with the next.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { PollingSession } from "../harness/clients/polling-session.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { byLines } from "../harness/waiting/lines.mjs";
import { until } from "../harness/waiting/wait.mjs";
import { VARS, untilMetrics } from "../harness/clients/prometheus.mjs";

const ENTRY = fileURLToPath(new URL("failing-entry.mjs", import.meta.url));

/** `failed()` resolves when a report failed, and that was logged. */
async function start(t) {
  const lines = [];
  const server = await startServer(t, { vars: VARS, entry: [ENTRY], log: byLines((line) => lines.push(line)) });
  const failed = () => until(() => lines.some((line) => line.includes('"sockjs":"metrics"')), "a report to fail", 30_000);
  return { server, failed };
}

describe("after a report that failed, the next one has what was in it", { concurrency: true }, () => {
  test("from an object", async (t) => {
    const { server, failed } = await start(t);
    const socket = await openWebSocket(t, `${server.url}/echo/websocket`);
    await failed();
    socket.send("12345");
    await socket.frames.next("the echo");
    await untilMetrics(server, {
      'sockjs_connections_opened_total{service="/echo",transport="websocket-raw"}': 1,
      'sockjs_received_bytes_total{service="/echo",transport="websocket-raw"}': 5,
    });
  });

  test("from the Worker", async (t) => {
    const { server, failed } = await start(t);
    const refuse = async () => assert.equal((await new PollingSession(`${server.url}/echo`).send(["x"])).status, 404);
    await refuse();
    await failed();
    await refuse();
    await untilMetrics(server, { 'sockjs_refused_total{service="/echo",transport="",reason="unknown_session"}': 2 });
  });
});
