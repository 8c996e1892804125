// Clients of WebSockets that say that they are there, and clients that are silent because nothing of theirs arrives any more. With
// SOCKJS_FULL (npm run held) also one with the times that the options have by themselves.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { request } from "../harness/clients/http.mjs";
import { Session } from "../harness/clients/session.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { startSlowProxy } from "../harness/proxies/slow-proxy.mjs";
import { startMiniflare } from "../harness/servers/miniflare.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { byLines } from "../harness/waiting/lines.mjs";
import { DEADLINE_MS, until } from "../harness/waiting/wait.mjs";

const HEARTBEAT_MS = 1000;
const SILENCE_MS = 3000;
/** For a busy machine. */
const SLACK_MS = 700;

const TIMES = { SOCKJS_HEARTBEAT_DELAY: String(HEARTBEAT_MS), SOCKJS_SILENCE_TIMEOUT: String(SILENCE_MS) };
const PAGE = { ...TIMES, SOCKJS_LIVENESS: "page", SOCKJS_LOG: "info" };

/** Closed connections, from a server's log. */
class Closed {
  #lines = [];

  log = byLines((line) => line.includes('"sockjs":"closed"') && this.#lines.push({ ...JSON.parse(line), at: performance.now() }));

  /** The first close of a transport. */
  first(transport, ms) {
    return until(() => this.#lines.find((line) => line.transport === transport), `the close of a ${transport}`, ms);
  }

  get count() {
    return this.#lines.length;
  }
}

const KINDS = {
  websocket: { path: () => `000/${randomUUID()}/websocket`, beat: '[""]', answer: "a[]" },
  "websocket-raw": { path: () => "websocket", beat: "", answer: "" },
};

async function startPage(t, vars = {}) {
  const closed = new Closed();
  const server = await startServer(t, { vars: { ...PAGE, ...vars }, log: closed.log });
  return { closed, server };
}

/** Opens a WebSocket through a proxy that can drop all packets. */
async function openThroughProxy(t, url, service, kind) {
  const proxy = await startSlowProxy(t, url);
  const { path, beat, answer } = KINDS[kind];
  const socket = await openWebSocket(t, `${proxy.url}/${service}/${path()}`);
  if (kind === "websocket") assert.equal(await socket.frames.next("the open frame"), "o");
  const drop = () => {
    proxy.up.shut();
    proxy.down.shut();
    return performance.now();
  };
  /** The client says that it is there. */
  const beats = async () => {
    socket.send(beat);
    let frame;
    do frame = await socket.frames.next("the answer");
    while (frame === "h");
    assert.equal(frame, answer);
  };
  return { socket, drop, beats };
}

/** Has a client sent a message each `everyMs`. It answers heartbeats alone, as the page's line does, and has to be open after `forMs`. */
async function keepsOpen(t, { closed, server }, { heartbeatMs, everyMs, forMs }) {
  const socket = await openWebSocket(t, `${server.url}/broadcast/${KINDS.websocket.path()}`);
  const sender = new Session(t, `${server.url}/broadcast`, "xhr_streaming");
  assert.equal(await sender.next(), "o");
  const timer = setInterval(() => sender.send("m").catch(() => {}), everyMs);
  t.after(() => clearInterval(timer));
  const began = performance.now();
  let asked = 0;
  let messages = 0;
  while (performance.now() < began + forMs) {
    const frame = await socket.frames.next("a frame", 2 * heartbeatMs + DEADLINE_MS);
    if (frame.startsWith("a")) messages += JSON.parse(frame.slice(1)).length;
    if (frame !== "h") continue;
    asked += 1;
    socket.send('[""]');
  }
  t.diagnostic(`asked ${asked} times, and sent ${messages} messages`);
  const most = forMs / heartbeatMs + 1;
  assert.ok(asked >= most / 2 && asked <= most, `asked ${asked} times`);
  assert.ok(messages >= forMs / everyMs / 2, `sent ${messages} messages`);
  assert.equal(closed.count, 0);
}

/** The holders of the WebSockets, with the variables for each. */
const HOLDERS = { object: {}, Worker: { SOCKJS_WEBSOCKET_HOLDER: "worker" } };

for (const [name, holder] of Object.entries(HOLDERS)) {
  const start = (t, vars) => startPage(t, { ...holder, ...vars });

  describe(`${name}, a client whose packets are dropped`, { concurrency: true }, () => {
    for (const kind of Object.keys(KINDS)) {
      test(`${kind}: it is closed within silence_timeout and one heartbeat`, async (t) => {
        const { closed, server } = await start(t);
        const { drop, beats } = await openThroughProxy(t, server.url, "echo", kind);
        await beats();
        await sleep(500);
        await beats();
        const dropped = drop();
        const { by, code, at } = await closed.first(kind);
        assert.deepEqual([by, code], ["silence", 3000]);
        const time = at - dropped;
        assert.ok(time >= SILENCE_MS - SLACK_MS && time <= SILENCE_MS + HEARTBEAT_MS + SLACK_MS, `after ${time} ms`);
      });

      test(`${kind}: so it is while it is being sent 1 KB a second`, async (t) => {
        const { closed, server } = await start(t);
        const { drop, beats } = await openThroughProxy(t, server.url, "broadcast", kind);
        const sender = new Session(t, `${server.url}/broadcast`, "xhr_streaming");
        await beats();
        const timer = setInterval(() => sender.send("x".repeat(1000)).catch(() => {}), 1000);
        t.after(() => clearInterval(timer));
        assert.equal(await sender.next(), "o");
        const dropped = drop();
        const { by, at } = await closed.first(kind);
        assert.equal(by, "silence");
        const time = at - dropped;
        assert.ok(time <= SILENCE_MS + HEARTBEAT_MS + SLACK_MS, `after ${time} ms`);
      });

      test(`${kind}: so it is when its object slept since its last word`, async (t) => {
        const closed = new Closed();
        const vars = { ...PAGE, ...holder, SOCKJS_PLACEMENT: "room", SOCKJS_HEARTBEAT_DELAY: "4000", SOCKJS_SILENCE_TIMEOUT: "6000" };
        const server = await startMiniflare(t, { vars, log: closed.log });
        const { drop, beats } = await openThroughProxy(t, server.url, "echo", kind);
        await beats();
        await server.evict("/echo//room", "hibernate");
        await beats();
        const dropped = drop();
        const isAsleep = await server.evict("/echo//room", "hibernate").then(() => false, () => true);
        const sleeps = name === "Worker" || kind === "websocket";
        assert.equal(isAsleep, sleeps, "the runtime, or the Worker, answers and lets the object sleep");
        const { by, at } = await closed.first(kind);
        assert.equal(by, "silence");
        const time = at - dropped;
        assert.ok(time >= 6000 - SLACK_MS && time <= 10_000 + SLACK_MS, `after ${time} ms`);
      });

      test(`${kind}: one that never said that it is there is left alone, unless it has to`, async (t) => {
        const { closed, server } = await start(t);
        const { socket, drop } = await openThroughProxy(t, server.url, "echo", kind);
        socket.send(kind === "websocket" ? '["a"]' : "a");
        await socket.frames.next("the echo");
        drop();
        await sleep(3 * SILENCE_MS);
        assert.equal(closed.count, 0);

        const strict = await start(t, { SOCKJS_LIVENESS_REQUIRED: "true" });
        const judged = await openThroughProxy(t, strict.server.url, "echo", kind);
        judged.drop();
        assert.equal((await strict.closed.first(kind)).by, "silence");
      });
    }
  });

  describe(`${name}, a client that is there`, { concurrency: true }, () => {
    test("the page's line keeps it open, with one message for each heartbeat, whatever else it is sent", async (t) => {
      await keepsOpen(t, await start(t), { heartbeatMs: HEARTBEAT_MS, everyMs: HEARTBEAT_MS / 5, forMs: 4 * SILENCE_MS });
    });

    test("however it says so, the application does not hear of it", async (t) => {
      const { server } = await start(t);
      const socket = await openWebSocket(t, `${server.url}/echo/${KINDS.websocket.path()}`);
      const next = async () => {
        let frame;
        do frame = await socket.frames.next("a frame");
        while (frame === "h");
        return frame;
      };
      assert.equal(await next(), "o");
      for (const text of ['[""]', '""', ' [ "" ]', '["",""]']) {
        socket.send(text);
        assert.equal(await next(), "a[]", text);
      }
      socket.send('["a","","b"]');
      assert.deepEqual([await next(), await next()].sort(), ['a["a","b"]', "a[]"]);
      socket.send('["", "c"]');
      assert.deepEqual([await next(), await next()].sort(), ['a["c"]', "a[]"]);

      const session = new Session(t, `${server.url}/echo`, "xhr_streaming");
      assert.equal(await session.next(), "o");
      for (const messages of [[""], ["a", "", "b"], ["", ""]]) await session.send(...messages);
      assert.equal(await session.nextMessages(), 'a["a","b"]');
      const form = { "Content-Type": "application/x-www-form-urlencoded" };
      const sent = await request(`${session.url}/jsonp_send`, { method: "POST", headers: form, body: "d=%5B%22%22%5D" });
      assert.deepEqual([sent.status, sent.body], [200, "ok"]);
      await session.send("last");
      assert.equal(await session.nextMessages(), 'a["last"]');
    });

    for (const [liveness, message, answer] of [
      ["stomp", "\n", String.raw`a["\n"]`],
      ["vertx", '{"type":"ping"}', "a[]"],
      ["still here", "still here", "a[]"],
    ]) {
      test(`${liveness}: its message has its answer`, async (t) => {
        const { server } = await start(t, { SOCKJS_LIVENESS: liveness });
        const framed = await openWebSocket(t, `${server.url}/echo/${KINDS.websocket.path()}`);
        const raw = await openWebSocket(t, `${server.url}/echo/websocket`);
        assert.equal(await framed.frames.next(), "o");
        framed.send(JSON.stringify([message]));
        framed.send(JSON.stringify(message));
        raw.send(message);
        const answers = [await framed.frames.next(), await framed.frames.next()];
        assert.deepEqual([...answers, await raw.frames.next()], [answer, answer, message]);
      });
    }
  });
}

if (process.env.SOCKJS_FULL) {
  describe("with the times that the options have by themselves", { concurrency: true }, () => {
    const vars = { SOCKJS_HEARTBEAT_DELAY: "25000", SOCKJS_SILENCE_TIMEOUT: "90000" };
    for (const [name, holder] of Object.entries(HOLDERS)) {
      test(`${name}: a client that is sent a message each 5 s for 5 minutes, and says only that it is there, stays open`, async (t) => {
        await keepsOpen(t, await startPage(t, { ...holder, ...vars }), { heartbeatMs: 25_000, everyMs: 5_000, forMs: 300_000 });
      });
    }
  });
}
