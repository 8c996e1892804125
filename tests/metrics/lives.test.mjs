// What is open now is true again after an object slept, restarted, or was gone with its WebSockets.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import { openPollingSession } from "../harness/clients/polling-session.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { startMiniflare } from "../harness/servers/miniflare.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { readEachObject, readObjects } from "../harness/servers/storage.mjs";
import { until } from "../harness/waiting/wait.mjs";
import { VARS, untilMetrics } from "../harness/clients/prometheus.mjs";

/** An object that lost its WebSockets is woken by the alarm of their heartbeat. */
const HASTY = { ...VARS, SOCKJS_HEARTBEAT_DELAY: "2000" };

const name = (metric, transport, more = "") => `sockjs_${metric}{service="/echo",transport="${transport}"${more}}`;

async function openSocket(t, server, id = randomUUID()) {
  const socket = await openWebSocket(t, `${server.url}/echo/000/${id}/websocket`);
  assert.equal(await socket.frames.next("the open frame"), "o");
  return socket;
}

/** The reports were not only taken, but also stored. */
function stored(server, pattern) {
  return until(() => {
    let totals = "";
    readEachObject(server.objects, (database) => {
      const isThere = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'sockjs_totals_1'").get();
      if (isThere) totals = database.prepare("SELECT totals FROM sockjs_totals_1").get()?.totals ?? "";
    });
    return pattern.test(totals);
  }, `stored totals like ${pattern}`);
}

describe("connections that are open", { concurrency: true }, () => {
  for (const placement of ["session", "room"]) {
    test(`after kill -9: WebSockets are lost, sessions over HTTP go on, placement ${placement}`, async (t) => {
      const server = await startServer(t, { vars: { ...HASTY, SOCKJS_PLACEMENT: placement } });
      const session = await openPollingSession(`${server.url}/echo`);
      const sockets = [await openSocket(t, server), await openSocket(t, server)];
      await untilMetrics(server, {
        [name("connections_open", "websocket")]: 2,
        [name("connections_open", "xhr-polling")]: 1,
      });
      await stored(server, /websocket\topened=2[^]*xhr-polling\topened=1/);
      await server.kill();
      await Promise.all(sockets.map(({ closed }) => closed));
      await server.start();
      await session.pendingPoll(t);
      await untilMetrics(server, {
        [name("connections_opened_total", "websocket")]: 2,
        [name("connections_closed_total", "websocket", ',code="1006"')]: 2,
        [name("connections_open", "websocket")]: 0,
        [name("connections_opened_total", "xhr-polling")]: 1,
        [name("connections_open", "xhr-polling")]: 1,
      });
    });
  }

  test("after a sleep that came before the report", async (t) => {
    const server = await startMiniflare(t, { vars: { ...VARS, SOCKJS_PLACEMENT: "room" } });
    const first = await openSocket(t, server);
    await untilMetrics(server, { [name("connections_open", "websocket")]: 1 });
    const second = await openSocket(t, server);
    await server.evict("/echo//room", "hibernate");
    await openSocket(t, server);
    await untilMetrics(server, { [name("connections_opened_total", "websocket")]: 3 });
    for (const socket of [first, second]) {
      socket.close(1000);
      await socket.closed;
    }
    await untilMetrics(server, {
      [name("connections_opened_total", "websocket")]: 3,
      [name("connections_closed_total", "websocket", ',code="1000"')]: 2,
      [name("connections_open", "websocket")]: 1,
    });
  });

  test("and nothing is stored of those that ended but the totals", async (t) => {
    const server = await startServer(t, { vars: { ...HASTY, SOCKJS_DISCONNECT_DELAY: "1000" } });
    const socket = await openSocket(t, server);
    const session = await openPollingSession(`${server.url}/echo`);
    assert.equal((await session.send(["m"])).status, 204);
    socket.close(1000);
    await socket.closed;
    await untilMetrics(server, {
      [name("connections_closed_total", "websocket", ',code="1000"')]: 1,
      [name("connections_closed_total", "xhr-polling", ',code="1002"')]: 1,
    });
    await until(() => {
      const left = Object.values(readObjects(server.objects)).filter(({ rows, alarm }) => rows > 0 || alarm !== null);
      return left.length === 1 && left[0].rows === 1 && left[0].alarm === null;
    }, "storage with the totals alone");
  });
});
