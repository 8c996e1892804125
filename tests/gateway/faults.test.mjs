// What goes wrong for longer than a moment: an upstream that is down, restarts, hangs or floods; an object that restarts; silence.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, test } from "node:test";
import { freePort } from "../../scripts/free-port.mjs";
import { knock } from "../harness/clients/doors.mjs";
import { TRANSPORTS, openSession } from "../harness/clients/eager-session.mjs";
import { start } from "../harness/clients/http.mjs";
import { LazySession } from "../harness/clients/lazy-session.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { until, within } from "../harness/waiting/wait.mjs";
import { silent, startDeafUpstream, startGateway, startUpstream } from "./upstream.mjs";

const QUIET = { SOCKJS_LOG: "error" };
const HTTP = TRANSPORTS.filter((transport) => transport !== "websocket");
const KIB = 1 << 10;
const MIB = 1 << 20;
/** An object goes to sleep after so long without an event. */
const SLEEPS_AFTER_MS = 10_000;

async function openFramed(t, service) {
  // Compressed, nothing here would fill a buffer.
  const socket = await openWebSocket(t, `${service}/000/${randomUUID()}/websocket`, { perMessageDeflate: false });
  assert.equal(await socket.frames.next("the open frame"), "o");
  return socket;
}

describe("the circuit breaker", { concurrency: true }, () => {
  test("keeps WebSockets from an upstream that is down, and lets them through soon after it is up", async (t) => {
    const port = await freePort();
    const { service } = await startGateway(t, { address: `ws://127.0.0.1:${port}/ws` }, { vars: QUIET });
    for (let count = 0; count < 5; count++) assert.equal((await knock(service, "websocket")).status, 502);
    for (const door of ["websocket", "raw websocket"]) {
      const { status, headers } = await knock(service, door);
      assert.equal(status, 503, door);
      assert.match(headers["retry-after"], /^[1-9]\d*$/);
    }
    const upstream = await startUpstream(t, { port });
    await until(async () => (await knock(service, "websocket")).status === 101, "the breaker to close");
    assert.equal((await knock(service, "raw websocket")).status, 101);
    assert.ok(upstream.asked >= 2);
  });

  test("makes only a few attempts if the upstream answers every request with 503, however many clients connect", async (t) => {
    const upstream = await startUpstream(t, { answer: () => 503 });
    const { service } = await startGateway(t, upstream, { vars: QUIET });
    const statuses = [];
    for (let count = 0; count < 100; count++) statuses.push((await knock(service, "websocket")).status);
    assert.deepEqual(new Set(statuses), new Set([503]));
    assert.ok(upstream.asked <= 8, `${upstream.asked} requests`);
  });

  test("closes sessions over HTTP with 1013", async (t) => {
    const upstream = await startUpstream(t, { answer: () => 503 });
    const vars = { ...QUIET, SOCKJS_PLACEMENT: "shards:1" };
    const { service } = await startGateway(t, upstream, { vars });
    for (let count = 0; count < 5; count++) {
      assert.deepEqual(await (await openSession(t, service, "xhr")).closed(), [4503, "Upstream answered 503"]);
    }
    for (const transport of HTTP) {
      assert.deepEqual(await (await openSession(t, service, transport)).closed(), [1013, "Upstream is failing"]);
    }
    assert.equal(upstream.asked, 5);
  });

  test("is not opened by refusals of clients", async (t) => {
    let isLetIn = false;
    const upstream = await startUpstream(t, { answer: () => (isLetIn ? undefined : 401) });
    const { service } = await startGateway(t, upstream, { vars: QUIET });
    for (let count = 0; count < 30; count++) assert.equal((await knock(service, "websocket")).status, 401);
    isLetIn = true;
    assert.equal((await knock(service, "websocket")).status, 101);
  });
});

test("an upstream that restarts: its clients get 1012, and can connect again", async (t) => {
  const first = await startUpstream(t);
  const { service } = await startGateway(t, first, { vars: QUIET });
  const sessions = await Promise.all(TRANSPORTS.map((transport) => openSession(t, service, transport)));
  for (const session of sessions) await session.send(["before"]);
  for (const session of sessions) await session.received(1);
  await first.stop();
  for (const session of sessions) assert.deepEqual(await session.closed(), [1012, "Upstream lost"]);
  await startUpstream(t, { port: first.port });
  for (const transport of TRANSPORTS) {
    const session = await openSession(t, service, transport);
    await session.send(["after"]);
    assert.deepEqual(await session.received(1), ["after"]);
  }
});

test("an object that restarts has lost its upstream: sessions get 1012", async (t) => {
  const upstream = await startUpstream(t);
  const { server, service } = await startGateway(t, upstream);
  const session = new LazySession(t, service, "xhr");
  await session.open();
  const connection = await upstream.socket();
  await session.send('["a"]');
  assert.equal(await connection.messages.next(), "a");
  await server.kill();
  await server.start();
  assert.deepEqual(await session.receive(await session.respond(), () => {}), [1012, "Upstream lost"]);
  assert.equal(upstream.asked, 1);
});

test("an object stays awake for its upstream: what comes after a silence reaches the client", { timeout: 60_000 }, async (t) => {
  const upstream = await startUpstream(t);
  const { service } = await startGateway(t, upstream);
  const sessions = await Promise.all(["xhr", "xhr_streaming"].map((transport) => openSession(t, service, transport)));
  const connections = [await upstream.socket(), await upstream.socket()];
  await sleep(SLEEPS_AFTER_MS + 3_000);
  for (const connection of connections) connection.send("after a silence");
  for (const session of sessions) {
    assert.deepEqual(await session.received(1), ["after a silence"]);
    await session.send(["and back"]);
    assert.deepEqual(await session.received(2), ["after a silence", "and back"]);
  }
});

test("an upstream that does not answer a close is broken off", { timeout: 60_000 }, async (t) => {
  const upstream = await startDeafUpstream(t);
  const { service } = await startGateway(t, upstream, { vars: { SOCKJS_DISCONNECT_DELAY: "1000" } });
  const socket = await openFramed(t, service);
  const receiver = await start(`${service}/000/${randomUUID()}/xhr_streaming`, { method: "POST" });
  await receiver.head();
  const ends = [await upstream.ends.next("a connection"), await upstream.ends.next("a connection")];
  socket.close(3000, "bye");
  receiver.reset();
  for (const { ended } of ends) await within(ended, "the end of a connection");
});

describe("an upstream that reads late", { concurrency: true }, () => {
  const LATE_MS = 8_000;
  const COUNT = 150;
  const filling = "x".repeat(48 * KIB);
  const late = (ws) => {
    ws.pause();
    setTimeout(() => ws.resume(), LATE_MS);
  };
  const numbers = Array.from({ length: COUNT }, (_, number) => number);

  async function numbersAt(connection) {
    const end = await within(connection.closed(), "the end", 3 * LATE_MS);
    const got = [];
    while (connection.messages.length > 0) got.push(Number.parseInt(await connection.messages.next()));
    return [got, end];
  }

  test("gets everything of a framed client that closed before", { timeout: 60_000 }, async (t) => {
    const upstream = await startUpstream(t, { onConnection: late });
    const { service } = await startGateway(t, upstream, { vars: QUIET });
    const socket = await openFramed(t, service);
    const connection = await upstream.socket();
    for (const number of numbers) socket.send(JSON.stringify([`${number}:${filling}`]));
    socket.close(3000, "bye");
    assert.deepEqual(await numbersAt(connection), [numbers, [3000, "bye"]]);
  });

  test("gets everything of a session over HTTP that ended before", { timeout: 60_000 }, async (t) => {
    const upstream = await startUpstream(t, { onConnection: late });
    const { service } = await startGateway(t, upstream, { vars: { ...QUIET, SOCKJS_DISCONNECT_DELAY: "3000" } });
    const session = new LazySession(t, service, "xhr");
    await session.open();
    const connection = await upstream.socket();
    for (let number = 0; number < COUNT; number += 5) {
      await session.send(JSON.stringify(numbers.slice(number, number + 5).map((number) => `${number}:${filling}`)));
    }
    assert.deepEqual(await numbersAt(connection), [numbers, [1011, "Client lost"]]);
  });
});

describe("what waits in an isolate or an object is bounded", { concurrency: false }, () => {
  test("four clients that fill it in their opening shut out no other client in its opening", async (t) => {
    const accept = Promise.withResolvers();
    const upstream = await startUpstream(t, { answer: () => accept.promise });
    const { service } = await startGateway(t, upstream, { vars: { ...QUIET, SOCKJS_UPSTREAM_OPEN: "before" } });
    const filling = JSON.stringify(["x".repeat(64 * KIB - 64)]);
    for (let count = 0; count < 4; count++) {
      const socket = await openFramed(t, service);
      for (let count = 0; count < 128; count++) socket.send(filling);
    }
    await sleep(1_000);
    const good = await openFramed(t, service);
    good.send('["hello"]');
    await sleep(200);
    assert.equal(good.frames.length, 0);
    accept.resolve(undefined);
    assert.equal(await good.frames.next("the echo"), 'a["hello"]');
  });

  test("also by framed clients that are closed and do not read on", { timeout: 60_000 }, async (t) => {
    const filling = "x".repeat(60 * KIB);
    const upstream = await startUpstream(t, {
      onConnection: (ws) => {
        const timer = setInterval(() => Array.from({ length: 16 }, () => ws.send(filling)), 5);
        ws.on("close", () => clearInterval(timer));
      },
    });
    const { server, service } = await startGateway(t, upstream, { vars: QUIET });
    const paused = async () => {
      const socket = await openFramed(t, service);
      socket.pause();
      assert.equal((await (await upstream.socket()).closed())[0], 1013);
      return socket;
    };
    /** Frames that a client gets which was closed since it did not read. */
    const framesOf = async (socket) => {
      socket.resume();
      for (let count = 1; ; count++) if ((await socket.frames.next("a frame")).startsWith("c")) return count;
    };
    const alone = await framesOf(await paused());
    const before = server.memory();
    const sockets = [];
    for (let count = 0; count < 24; count++) sockets.push(await paused());
    const grown = (server.memory() - before) / MIB;
    t.diagnostic(`${grown.toFixed(1)} MiB more`);
    assert.ok(grown < 250, `${grown} MiB`);
    const crowded = await framesOf(await paused());
    assert.ok(crowded < 0.7 * alone, `${crowded} frames, and ${alone} of one that is alone`);
    // Those that go give back what they hold.
    for (const socket of sockets) socket.terminate();
    await sleep(500);
    const after = await framesOf(await paused());
    assert.ok(after > 0.9 * alone, `${after} frames, and ${alone} of one that is alone`);
  });

  test("by sessions over HTTP whose upstream does not read: their sends wait", { timeout: 60_000 }, async (t) => {
    const SESSIONS = 16;
    const upstream = await startUpstream(t, { onConnection: (ws) => ws.pause() });
    const { server, service } = await startGateway(t, upstream, { vars: { ...QUIET, SOCKJS_PLACEMENT: "shards:1", SOCKJS_STALL_TIMEOUT: "120000" } });
    const sessions = [];
    for (let count = 0; count < SESSIONS; count++) sessions.push(await openSession(t, service, "xhr_streaming"));
    const before = server.memory();
    const filling = "x".repeat(60 * KIB);
    let accepted = 0;
    const held = Symbol("held");
    await Promise.all(sessions.map(async (session) => {
      while ((await Promise.race([session.send([filling]), sleep(2_500, held)])) !== held) accepted += filling.length;
    }));
    const grown = (server.memory() - before) / MIB;
    t.diagnostic(`${(accepted / MIB).toFixed(1)} MiB accepted, ${grown.toFixed(1)} MiB more`);
    // The kernel takes some MiB of each, too.
    assert.ok(accepted < 160 * MIB, `${accepted / MIB} MiB`);
    while (upstream.sockets.length > 0) (await upstream.socket()).ws.resume();
    await Promise.all(sessions.map((session) => within(session.send(["after"]), "a send")));
  });
});

describe("a side that does not read", { concurrency: false }, () => {
  /** Sends numbered messages without a pause; returns how many there were. */
  async function flood(connection, bytes) {
    const filling = "x".repeat(16 * KIB);
    const count = bytes / filling.length;
    for (let number = 0; number < count && connection.ws.readyState === 1; number++) connection.send(`${number}:${filling}`);
    return count;
  }

  const numbersOf = (frames) => frames.flatMap((frame) => JSON.parse(frame.slice(1)).map((message) => Number.parseInt(message)));

  test("a framed client with a fast upstream: 1013 for the upstream, and memory is bounded", async (t) => {
    const upstream = await startUpstream(t, { onConnection: silent });
    const { server, service } = await startGateway(t, upstream, { vars: QUIET });
    const socket = await openFramed(t, service);
    const connection = await upstream.socket();
    const before = server.memory();
    socket.pause();
    await flood(connection, 256 * MIB);
    assert.deepEqual(await connection.closed(), [1013, "Messages come faster than they are handled"]);
    const grown = (server.memory() - before) / MIB;
    // Most of it is garbage of V8's, of messages that came after the close.
    assert.ok(grown < 200, `${grown} MiB`);
    t.diagnostic(`${grown.toFixed(1)} MiB more`);
    socket.resume();
    const frames = [];
    for (;;) {
      const frame = await socket.frames.next("a frame");
      frames.push(frame);
      if (frame.startsWith("c")) break;
    }
    assert.deepEqual(JSON.parse(frames.pop().slice(1)), [1013, "Messages come faster than they are handled"]);
    const numbers = numbersOf(frames);
    assert.deepEqual(numbers, numbers.map((_, number) => number), "in order, without a gap");
  });

  test("a framed client that reads slowly gets everything as long as less than inbox_limit waits", async (t) => {
    const upstream = await startUpstream(t, { onConnection: silent });
    const { service } = await startGateway(t, upstream, { vars: QUIET });
    const socket = await openFramed(t, service);
    const connection = await upstream.socket();
    socket.pause();
    const count = await flood(connection, 6 * MIB);
    socket.resume();
    const numbers = [];
    while (numbers.length < count) numbers.push(...numbersOf([await socket.frames.next()]));
    assert.deepEqual(numbers, numbers.map((_, number) => number));
  });

  test("an upstream with a fast framed client: 1013 for the client", async (t) => {
    const upstream = await startUpstream(t, { onConnection: (ws) => ws.pause() });
    const { service } = await startGateway(t, upstream, { vars: QUIET });
    const socket = await openFramed(t, service);
    const message = JSON.stringify(["x".repeat(32 * KIB)]);
    const closed = socket.closed.then(() => true);
    while (!(await Promise.race([closed, sleep(0)]))) for (let count = 0; count < 32; count++) socket.send(message);
    assert.deepEqual(JSON.parse((await socket.frames.next()).slice(1)), [1013, "Messages come faster than they are handled"]);
  });

  test("a framed client that takes nothing for stall_timeout: 1013 for the upstream", async (t) => {
    const upstream = await startUpstream(t, { onConnection: silent });
    const { service } = await startGateway(t, upstream, { vars: { ...QUIET, SOCKJS_STALL_TIMEOUT: "1000", SOCKJS_INBOX_LIMIT: String(32 * MIB) } });
    const socket = await openFramed(t, service);
    const connection = await upstream.socket();
    socket.pause();
    await flood(connection, 24 * MIB);
    assert.deepEqual(await connection.closed(), [1013, "Stalled"]);
  });

  for (const transport of ["xhr", "xhr_streaming"]) {
    test(`a session by ${transport} with a fast upstream: 1013 for both`, async (t) => {
      const upstream = await startUpstream(t, { onConnection: silent });
      const { service } = await startGateway(t, upstream, { vars: QUIET });
      const session = new LazySession(t, service, transport);
      const frames = await session.open();
      const connection = await upstream.socket();
      await flood(connection, 32 * MIB);
      assert.deepEqual(await connection.closed(), [1013, "Messages come faster than they are handled"]);
      const numbers = [];
      const end = await session.receive(frames, (message) => numbers.push(Number.parseInt(message)));
      assert.deepEqual(end, [1013, "Messages come faster than they are handled"]);
      assert.deepEqual(numbers, numbers.map((_, number) => number));
    });

    test(`a session by ${transport} gets a burst of 6 MiB in order`, async (t) => {
      const upstream = await startUpstream(t, { onConnection: silent });
      const { service } = await startGateway(t, upstream, { vars: QUIET });
      const session = new LazySession(t, service, transport);
      const frames = await session.open();
      const connection = await upstream.socket();
      const count = await flood(connection, 6 * MIB);
      connection.ws.close(3000, "that is all");
      const numbers = [];
      const end = await session.receive(frames, (message) => numbers.push(Number.parseInt(message)));
      assert.deepEqual(end, [3000, "that is all"]);
      assert.deepEqual(numbers, Array.from({ length: count }, (_, number) => number));
    });
  }

  test("an upstream that reads slowly gets what a session over HTTP sends, in order", async (t) => {
    const upstream = await startUpstream(t, { onConnection: (ws) => ws.pause() });
    const { service } = await startGateway(t, upstream, { vars: QUIET });
    const session = await openSession(t, service, "xhr_streaming");
    const connection = await upstream.socket();
    const filling = "x".repeat(32 * KIB);
    const sent = [];
    for (let number = 0; number < 320; number++) sent.push(session.send([`${number}:${filling}`]));
    setTimeout(() => connection.ws.resume(), 500);
    for (let number = 0; number < 1; number++) assert.ok(await within(connection.messages.next(), "a message"));
    await Promise.all(sent);
  });
});
