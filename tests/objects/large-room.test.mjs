// The cost of a connection does not depend on the size of its room. With SOCKJS_FULL (npm run large) the rooms are eight times as
// large.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { test } from "node:test";
import { WebSocket } from "ws";
import { processorTime } from "../harness/machine/processes.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { within } from "../harness/waiting/wait.mjs";

const SMALL = process.env.SOCKJS_FULL ? 1_000 : 100;
const LARGE = 8 * SMALL;
const AT_ONCE = 50;
const LONG_MS = 120_000;
/** Processor time for each connection of the large room, as a multiple of that of the small one. */
const RATIO_MAX = 2.5;

test("closing a room of WebSockets and opening it again costs each as much in a large room as in a small one", async (t) => {
  const server = await startServer(t);
  const fill = (count) => open(t, `${server.url}/broadcast`, count);
  await closeAll(await fill(SMALL));
  const costs = [];
  // The small one as often as makes as many connections.
  for (const [count, rounds] of [[SMALL, LARGE / SMALL], [LARGE, 1]]) {
    let sockets = await fill(count);
    const before = processorTime(server.pid);
    for (let round = 0; round < rounds; round += 1) {
      await closeAll(sockets);
      sockets = await fill(count);
    }
    costs.push((processorTime(server.pid) - before) / (count * rounds));
    await closeAll(sockets);
  }
  const [small, large] = costs;
  t.diagnostic(`${SMALL} connections: ${small.toFixed(3)} ms of processor time each, ${LARGE}: ${large.toFixed(3)} ms`);
  assert.ok(large <= RATIO_MAX * small, `${(large / small).toFixed(2)} times as much`);
});

async function open(owner, service, count) {
  const sockets = [];
  while (sockets.length < count) {
    const batch = Array.from({ length: Math.min(AT_ONCE, count - sockets.length) }, async () => {
      const socket = new WebSocket(`${service.replace(/^http/, "ws")}/000/${randomUUID()}/websocket`);
      owner.after(() => socket.terminate());
      const [frame] = await within(once(socket, "message"), "the open frame", LONG_MS);
      assert.equal(frame.toString(), "o");
      return socket;
    });
    sockets.push(...(await Promise.all(batch)));
  }
  return sockets;
}

async function closeAll(sockets) {
  const closed = sockets.map((socket) => once(socket, "close"));
  for (const socket of sockets) socket.close();
  await within(Promise.all(closed), `the end of ${sockets.length} WebSockets`, LONG_MS);
}
