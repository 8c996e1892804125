// Where a data set of Analytics Engine is bound, what is counted is written to it, with the option `metrics` and without.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { PollingSession } from "../harness/clients/polling-session.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { byLines } from "../harness/waiting/lines.mjs";
import { until } from "../harness/waiting/wait.mjs";
import { VARS, WITHIN_MS, readMetrics } from "../harness/clients/prometheus.mjs";

const ENTRY = fileURLToPath(new URL("analytics-entry.mjs", import.meta.url));

for (const metrics of ["true", "false"]) {
  test(`data points are written, with metrics ${metrics}`, async (t) => {
    const points = [];
    const log = byLines((line) => {
      const { point } = /^\{"point":/.test(line) ? JSON.parse(line) : {};
      if (point) points.push(point);
      else process.stderr.write(`${line}\n`);
    });
    const server = await startServer(t, { vars: { ...VARS, SOCKJS_METRICS: metrics }, entry: [ENTRY], log });
    const socket = await openWebSocket(t, `${server.url}/echo/000/${randomUUID()}/websocket`);
    assert.equal(await socket.frames.next("the open frame"), "o");
    socket.send('["12345"]');
    await socket.frames.next("the echo");
    socket.close(3001);
    await socket.closed;
    assert.equal((await new PollingSession(`${server.url}/echo`).send(["x"])).status, 404);

    const sum = (at, ...blobs) => {
      const mine = points.filter((point) => JSON.stringify(point.blobs) === JSON.stringify(["/echo", ...blobs]));
      return mine.reduce((total, { doubles }) => total + doubles[at], 0);
    };
    const isThere = () => sum(0, "", "refused", "unknown_session") === 1 && sum(0, "websocket", "closed", "3001") === 1;
    await until(isThere, "the last data points", WITHIN_MS);
    const traffic = [0, 1, 2, 3, 4].map((at) => sum(at, "websocket", "traffic", ""));
    assert.deepEqual(traffic, [1, 1, 5, 1, 5], "opened, messages and bytes received, the same sent");
    assert.deepEqual(points.map(({ indexes }) => indexes), points.map(() => ["/echo"]));
    assert.equal(Object.keys(await readMetrics(server)).length > 0, metrics === "true");
  });
}
