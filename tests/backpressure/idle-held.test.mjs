// The memory of idle WebSockets that the Worker holds, next to that of others: those that the object holds, and those that the least
// of JavaScript holds in a Worker. With SOCKJS_FULL (npm run large) there are many of them, several times.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import { workerConfig } from "../../scripts/worker-config.mjs";
import { within } from "../harness/waiting/wait.mjs";
import { restingMemory, startMeasured } from "./growth.mjs";

const IS_FULL = Boolean(process.env.SOCKJS_FULL);
const SOCKETS = IS_FULL ? 5_000 : 400;
const ROUNDS = IS_FULL ? 3 : 1;
const WARM_UP = 50;
const AT_ONCE = 50;
/** In the full form the runtime puts idle objects out of memory before they are measured, after ten seconds. */
const SETTLE_MS = IS_FULL ? 15_000 : 0;
const LONG_MS = 120_000;
const KIB = 1_024;
/** Most memory of a held socket above the minimum of JavaScript; in the short form, including one-time costs of the server. */
const MOST = (IS_FULL ? 20 : 40) * KIB;

const PLAIN = fileURLToPath(new URL("plain-holder.mjs", import.meta.url));
const PLAIN_CONFIG = { ...workerConfig(), name: "plain", vars: {}, durableObjects: [{ binding: "HOLDER", className: "Holder" }] };
/** All in one room: what an object of its own takes depends on when the runtime puts it out of memory. No heartbeat comes meanwhile. */
const QUIET = { SOCKJS_PLACEMENT: "room", SOCKJS_WEBSOCKET_HEARTBEAT_DELAY: "86400000" };
const BY_WORKER = { SOCKJS_WEBSOCKET_HOLDER: "worker", SOCKJS_HEARTBEATS: "worker" };
const HOLDERS = {
  object: (t) => startMeasured(t, QUIET),
  worker: (t) => startMeasured(t, { ...QUIET, ...BY_WORKER }),
  plain: (t) => startMeasured(t, {}, { worker: [PLAIN], config: PLAIN_CONFIG }),
};

test("an idle socket that the Worker holds takes little more than the least of JavaScript does", async (t) => {
  const bytes = { object: [], worker: [], plain: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [holder, start] of Object.entries(HOLDERS)) bytes[holder].push(await bytesOfEach(await start(t)));
  }
  const each = Object.fromEntries(Object.entries(bytes).map(([holder, rounds]) => [holder, median(rounds)]));
  t.diagnostic(Object.entries(each).map(([holder, size]) => `${holder}: ${kib(size)}`).join(", ") + ` for each of ${SOCKETS} sockets`);
  assert.ok(each.worker - each.plain <= MOST, `${kib(each.worker - each.plain)} more than the least`);
});

/** Opens idle sockets, and returns the bytes that the server takes for each. The server ends. */
async function bytesOfEach(server) {
  for (const socket of await open(server, WARM_UP)) socket.terminate();
  const before = await restingMemory(server);
  const sockets = await open(server, SOCKETS);
  await sleep(SETTLE_MS);
  const after = await restingMemory(server);
  for (const socket of sockets) socket.terminate();
  await server.kill();
  return (after - before) / SOCKETS;
}

async function open(server, count) {
  const sockets = [];
  while (sockets.length < count) {
    const batch = Array.from({ length: Math.min(AT_ONCE, count - sockets.length) }, async () => {
      const url = `${server.url.replace(/^http/, "ws")}/echo/000/${randomUUID()}/websocket`;
      const socket = new WebSocket(url, { perMessageDeflate: false });
      const [frame] = await within(once(socket, "message"), "the open frame", LONG_MS);
      assert.equal(frame.toString(), "o");
      socket.on("error", () => {});
      return socket;
    });
    sockets.push(...(await Promise.all(batch)));
  }
  return sockets;
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const kib = (bytes) => `${(bytes / KIB).toFixed(1)} KiB`;
