// Heartbeats come after silence in the outgoing direction, from the object's one alarm.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openPollingSession } from "../harness/clients/polling-session.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { startServer } from "../harness/servers/server.mjs";

const DELAY_MS = 1000;
/** /flood is asked for nothing, which it does, and logs. */
const NOTHING = JSON.stringify({ bytes: 0, size: 1 });

const server = await startServer({ after }, { vars: { SOCKJS_HEARTBEAT_DELAY: String(DELAY_MS) }, log: () => {} });

describe("heartbeats", { concurrency: true }, () => {
  test("a silent WebSocket gets one heartbeat after the other", async (t) => {
    const socket = await openWebSocket(t, `${server.url}/echo/000/${randomUUID()}/websocket`);
    assert.equal(await socket.frames.next("the open frame"), "o");
    for (const which of ["first", "second", "third"]) assert.equal(await socket.frames.next(`the ${which} heartbeat`), "h");
  });

  test("a poll that waits in vain is answered with a heartbeat, and so is the next", async () => {
    const session = await openPollingSession(`${server.url}/echo`);
    for (const _ of [1, 2]) assert.equal((await session.poll()).body, "h\n");
  });

  test("what the application's alarm broadcasts ends a poll in place of a heartbeat that is due soon", async (t) => {
    // Its alarm comes each second; within half of this delay a heartbeat may come early.
    const ticking = await startServer(t, { vars: { SOCKJS_HEARTBEAT_DELAY: "1500" } });
    const session = await openPollingSession(`${ticking.url}/ticker`);
    for (let polls = 0; polls < 5; polls += 1) assert.equal((await session.poll()).body, 'a["tick!"]\n');
  });

  test("a raw WebSocket gets no heartbeats", async (t) => {
    const raw = await openWebSocket(t, `${server.url}/echo/websocket`);
    const framed = await openWebSocket(t, `${server.url}/echo/000/${randomUUID()}/websocket`);
    assert.equal(await framed.frames.next("the open frame"), "o");
    for (const _ of [1, 2]) await framed.frames.next("a heartbeat");
    assert.equal(raw.frames.length, 0);
  });

  test("there are no heartbeats while messages go out", async (t) => {
    const socket = await openWebSocket(t, `${server.url}/echo/000/${randomUUID()}/websocket`);
    assert.equal(await socket.frames.next("the open frame"), "o");
    const end = performance.now() + 4 * DELAY_MS;
    let lastSent = performance.now();
    while (performance.now() < end) {
      const sent = performance.now();
      socket.send('["a"]');
      while ((await socket.frames.next()) === "h") {
        // The object may beat early, but not before half of the delay; it sent its last frame after our last message.
        const silence = performance.now() - lastSent;
        assert.ok(silence >= DELAY_MS / 2, `a heartbeat after ${silence} ms of silence at most`);
      }
      lastSent = sent;
      await sleep(DELAY_MS / 20);
    }
  });

  test("what only comes in does not put off a heartbeat", async (t) => {
    const socket = await openWebSocket(t, `${server.url}/flood/000/${randomUUID()}/websocket`);
    assert.equal(await socket.frames.next("the open frame"), "o");
    const timer = setInterval(() => socket.send(JSON.stringify(NOTHING)), DELAY_MS / 20);
    t.after(() => clearInterval(timer));
    assert.equal(await socket.frames.next("a heartbeat"), "h");
  });
});
