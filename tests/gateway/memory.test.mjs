// Memory of the gateway while a fast upstream floods clients that do not read.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, test } from "node:test";
import { start } from "../harness/clients/http.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { silent, startGateway, startUpstream } from "./upstream.mjs";

const MIB = 1 << 20;
const FLOOD_BYTES = 256 * MIB;
const FILLING = "x".repeat(16 << 10);
/** Time without progress after which the flood ends: the gateway takes no more. */
const STUCK_MS = 3_000;
const CLIENTS = 24;

/** Opens a client of a kind that reads nothing behind its opening. */
const OPEN = {
  async framed(t, service) {
    const socket = await openWebSocket(t, `${service}/000/${randomUUID()}/websocket`, { perMessageDeflate: false });
    assert.equal(await socket.frames.next("the open frame"), "o");
    socket.pause();
  },
  async raw(t, service) {
    (await openWebSocket(t, `${service}/websocket`, { perMessageDeflate: false })).pause();
  },
  async "xhr-streaming"(t, service) {
    const receiver = await start(`${service}/000/${randomUUID()}/xhr_streaming`, { method: "POST" });
    t.after(() => receiver.close());
    await receiver.head();
    receiver.pause();
  },
};

/** Sends as much as the gateway takes, without filling this process; returns the bytes. */
async function flood({ ws }) {
  let [sent, progressed] = [0, performance.now()];
  while (sent < FLOOD_BYTES && ws.readyState === 1 && performance.now() - progressed < STUCK_MS) {
    if (ws.bufferedAmount > MIB) {
      await sleep(1);
      continue;
    }
    ws.send(FILLING);
    [sent, progressed] = [sent + FILLING.length, performance.now()];
  }
  return sent;
}

describe("a flood for clients that do not read", { concurrency: false }, () => {
  for (const [kind, open] of Object.entries(OPEN)) {
    for (const [count, most] of [[1, 150], [CLIENTS, 400]]) {
      test(`${count} ${kind}: memory grows by less than ${most} MiB`, { timeout: 120_000 }, async (t) => {
        const upstream = await startUpstream(t, { onConnection: silent });
        const { server, service } = await startGateway(t, upstream, { vars: { SOCKJS_LOG: "error" } });
        const connections = [];
        for (let number = 0; number < count; number++) {
          await open(t, service);
          connections.push(await upstream.socket());
        }
        const before = server.memory();
        let peak = before;
        const timer = setInterval(() => (peak = Math.max(peak, server.memory())), 100);
        const sent = await Promise.all(connections.map(flood));
        await sleep(500);
        clearInterval(timer);
        const mib = (bytes) => (bytes / MIB).toFixed(0);
        t.diagnostic(`${mib(sent.reduce((sum, bytes) => sum + bytes))} MiB sent, ${mib(peak - before)} MiB more at most, ${mib(server.memory() - before)} at the end`);
        assert.ok(peak - before < most * MIB, `${mib(peak - before)} MiB`);
      });
    }
  }
});
