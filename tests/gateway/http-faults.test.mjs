// A backend over HTTP that fails or is slow, objects that sleep and restart, clients that read slowly.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { RAW, TRANSPORTS, openSession } from "../harness/clients/eager-session.mjs";
import { LazySession } from "../harness/clients/lazy-session.mjs";
import { until } from "../harness/waiting/wait.mjs";
import { EVENTS, echo, encode, startHttpBackend } from "./http-backend.mjs";
import { startGateway } from "./upstream.mjs";

const ALL = [RAW, ...TRANSPORTS];
const QUIET = { SOCKJS_LOG: "error" };
const AT_LEAST_ONCE = { ...QUIET, SOCKJS_UPSTREAM_DELIVERY: "at_least_once" };
const COUNT = 1_000;
const SLEEPS_AFTER_MS = 10_000;

const numbers = (count) => Array.from({ length: count }, (_, number) => `${number}`);
const isOpening = ({ events }) => events[0].type === "OPEN";
const texts = ({ events }) => events.filter(({ type }) => type === "TEXT").map(({ content }) => content.toString());

/** Messages that are on their way at a time, so that all travel in many requests, however long a request waits to be repeated. */
const ON_THEIR_WAY = 25;

/** Sends messages a few at a time, and waits for their echoes now and then. */
async function sendAll(session, messages) {
  for (let at = 0; at < messages.length; at += 5) {
    if (at >= ON_THEIR_WAY) await session.received(at - ON_THEIR_WAY + 5);
    await session.send(messages.slice(at, at + 5));
  }
}

describe("a backend that fails at random", { concurrency: false }, () => {
  for (const transport of ["websocket", "xhr_streaming", "xhr"]) {
    test(`before and after it handled a request, over ${transport}: at least once, in order, repetitions known by their number`, { timeout: 120_000 }, async (t) => {
      const handled = [];
      const seen = new Set();
      let lost = 0;
      let doubled = 0;
      const answer = (call) => {
        if (isOpening(call)) return echo(call);
        const event = Number(call.headers["sockjs-event"]);
        if (seen.has(event)) doubled += texts(call).length;
        else handled.push(...texts(call));
        seen.add(event);
        // Handled, and the answer is lost.
        if (Math.random() < 0.1) {
          lost += texts(call).length;
          return Math.random() < 0.5 ? null : { status: 502 };
        }
        return echo(call);
      };
      // Not even read.
      let opened = false;
      const breaksUnread = () => opened && Math.random() < 0.1;
      const backend = await startHttpBackend(t, { answer, breaksUnread });
      const { service } = await startGateway(t, backend, { vars: AT_LEAST_ONCE });
      const session = await openSession(t, service, transport);
      await backend.call("OPEN");
      opened = true;
      await sendAll(session, numbers(COUNT));
      assert.deepEqual(await session.received(COUNT), numbers(COUNT));
      assert.deepEqual(handled, numbers(COUNT), "handled once by a backend that knows repetitions");
      assert.equal(doubled, lost, "what doubles is what was handled without an answer");
      assert.ok(backend.mostInFlight === 1 && backend.asked > 30);
      t.diagnostic(`${backend.asked} requests, ${doubled} messages sent again after they were handled`);
    });
  }

  test("without that option, what may have been handled is not sent again: the client is closed with 1012", async (t) => {
    for (const breaksUnread of [false, true]) {
      let handled = 0;
      let opened = false;
      const answer = (call) => {
        if (isOpening(call)) return echo(call);
        handled += 1;
        return null;
      };
      const backend = await startHttpBackend(t, { answer, breaksUnread: () => opened && breaksUnread });
      const { service } = await startGateway(t, backend, { vars: QUIET });
      for (const transport of ALL) {
        opened = false;
        const session = await openSession(t, service, transport);
        await backend.call("OPEN");
        opened = true;
        await session.send(["?"]);
        assert.deepEqual(await session.closed(), [1012, "Upstream lost"], transport);
      }
      assert.deepEqual([backend.asked, handled], [2 * ALL.length, breaksUnread ? 0 : ALL.length]);
    }
  });

  test("by statuses that say that nothing was handled: all is sent again, nothing doubles", { timeout: 120_000 }, async (t) => {
    const handled = [];
    const answer = (call) => {
      if (isOpening(call)) return echo(call);
      if (Math.random() < 0.2) return { status: 429 };
      handled.push(...texts(call));
      return echo(call);
    };
    const backend = await startHttpBackend(t, { answer });
    const { service } = await startGateway(t, backend, { vars: QUIET });
    const session = await openSession(t, service, "websocket");
    await sendAll(session, numbers(COUNT));
    assert.deepEqual(await session.received(COUNT), numbers(COUNT));
    assert.deepEqual(handled, numbers(COUNT));
  });
});

test("a backend that is away: at least once, its clients go on when it is back", { timeout: 60_000 }, async (t) => {
  const first = await startHttpBackend(t);
  const { service } = await startGateway(t, first, { vars: AT_LEAST_ONCE });
  const sessions = await Promise.all(ALL.map((transport) => openSession(t, service, transport)));
  for (const session of sessions) await session.send(["before"]);
  for (const session of sessions) await session.received(1);
  await first.stop();
  for (const session of sessions) await session.send(["meanwhile"]);
  await sleep(3_000);
  await startHttpBackend(t, { port: first.port });
  for (const session of sessions) await session.send(["after"]);
  for (const session of sessions) assert.deepEqual(await session.received(3), ["before", "meanwhile", "after"]);
});

test("a backend that fails is asked a few times by all clients together, at most", async (t) => {
  const backend = await startHttpBackend(t, { answer: () => ({ status: 503 }) });
  const { service } = await startGateway(t, backend, { vars: { ...QUIET, SOCKJS_PLACEMENT: "shards:1" } });
  for (let count = 0; count < 5; count++) {
    assert.deepEqual(await (await openSession(t, service, "xhr")).closed(), [4503, "Upstream answered 503"]);
  }
  const began = Date.now();
  for (const transport of [...ALL, ...ALL, ...ALL]) {
    const [code] = await (await openSession(t, service, transport)).closed();
    assert.ok([1013, 4503].includes(code), `${code}`);
  }
  assert.ok(backend.asked <= 6 + (Date.now() - began) / 1_000, `${backend.asked} requests`);
});

test("many clients at once are no reason to wait", async (t) => {
  const backend = await startHttpBackend(t, { answer: async (call) => (await sleep(50), echo(call)) });
  const { service } = await startGateway(t, backend, { vars: { SOCKJS_PLACEMENT: "shards:1" } });
  const sessions = [];
  for (let count = 0; count < 100; count += 20) {
    sessions.push(...(await Promise.all(Array.from({ length: 20 }, () => openSession(t, service, "websocket")))));
    for (const session of sessions.slice(count)) await session.send(["here"]);
    for (const session of sessions.slice(count)) await session.received(1);
  }
  const began = Date.now();
  for (const session of sessions) await session.send(["all"]);
  for (const session of sessions) await session.received(2);
  assert.ok(Date.now() - began < 3_000, `${Date.now() - began} ms`);
});

test("a connection that waits for its turn goes before those that just had theirs", async (t) => {
  const places = 32;
  /** Answers of the requests that are in flight, oldest first. */
  const inFlight = [];
  const isQuick = (call) => isOpening(call) || texts(call).includes("ready");
  const answer = (call) => (isQuick(call) ? echo(call) : new Promise((resolve) => inFlight.push(() => resolve(echo(call)))));
  const backend = await startHttpBackend(t, { answer });
  const { service } = await startGateway(t, backend, { vars: { SOCKJS_PLACEMENT: "shards:1" } });
  const sessions = await Promise.all(Array.from({ length: places + 1 }, () => openSession(t, service, "xhr")));
  for (const session of sessions) {
    await session.send(["ready"]);
    await session.received(1);
  }
  while (backend.calls.length > 0) await backend.calls.next();
  const [patient, ...busy] = sessions;
  for (const session of busy) await session.send(["first"]);
  for (const _ of busy) assert.deepEqual(texts(await backend.calls.next()), ["first"]);
  for (const session of busy) await session.send(["second"]);
  await patient.send(["waits"]);
  inFlight.shift()();
  assert.deepEqual(texts(await backend.calls.next()), ["waits"]);
  inFlight.shift()();
  assert.deepEqual(texts(await backend.calls.next()), ["second"], "the first one had its turn again");
});

test("the backend gets the next message when the client has read the answers before", { timeout: 120_000 }, async (t) => {
  const filling = "x".repeat(60 << 10);
  const answer = (call) => (isOpening(call) ? echo(call) : { body: Buffer.concat(texts(call).flatMap((text) => [encode("TEXT", text + filling)])) });
  const backend = await startHttpBackend(t, { answer });
  const vars = { SOCKJS_QUEUE_LIMIT: String(256 << 10) };
  const { service } = await startGateway(t, backend, { vars });
  const session = new LazySession(t, service, "xhr");
  const frames = await session.open();
  for (let number = 0; number < 40; number++) assert.equal((await session.send(JSON.stringify([`${number}:`]))).status, 204);
  await sleep(1_000);
  const asked = backend.asked;
  assert.ok(asked <= 5, `${asked} requests while nobody polls`);
  const received = [];
  const closed = await session.receive(frames, (message) => received.push(message.split(":")[0]), () => received.length === 40);
  assert.deepEqual([received, closed], [numbers(40), undefined]);
});

test("an object sleeps between messages, and goes on", { timeout: 120_000 }, async (t) => {
  const backend = await startHttpBackend(t, {
    answer: (call) => {
      const answered = echo(call);
      const count = Number(call.headers["meta-count"] ?? 0) + 1;
      return { ...answered, headers: { "Set-Meta-Count": String(count), "Sec-WebSocket-Extensions": 'grip; message-prefix=""' } };
    },
  });
  const { service } = await startGateway(t, backend, { vars: { ...AT_LEAST_ONCE, SOCKJS_PLACEMENT: "shards:1" } });
  const sessions = await Promise.all(ALL.map((transport) => openSession(t, service, transport)));
  for (const session of sessions) await session.send(["a", "b"]);
  for (const session of sessions) await session.received(2);
  const before = await callsOf(backend);
  await sleep(SLEEPS_AFTER_MS + 5_000);
  for (const session of sessions) {
    await session.send(["c"]);
    assert.deepEqual(await session.received(3), ["a", "b", "c"]);
  }
  const later = await callsOf(backend);
  assert.equal(later.size, ALL.length);
  for (const [id, call] of later) {
    const last = before.get(id);
    assert.equal(Number(call.headers["meta-count"]), Number(last.headers["meta-count"]) + 1, "what the backend keeps with it");
    // An instance numbers events from the moment at which it meets the connection.
    const gap = Number(call.headers["sockjs-event"]) - Number(last.headers["sockjs-event"]);
    assert.ok(gap > SLEEPS_AFTER_MS * 1_000, `another instance: ${gap}`);
  }
});

/** The last request of each connection that came. */
async function callsOf(backend) {
  const calls = new Map();
  while (backend.calls.length > 0) {
    const call = await backend.calls.next();
    calls.set(call.id, call);
  }
  return calls;
}

for (const holder of ["object", "worker"]) {
  test(`sessions over HTTP go on when the object restarts, with WebSockets held by the ${holder}`, { timeout: 60_000 }, async (t) => {
    const backend = await startHttpBackend(t, {
      answer: (call) => ({ ...echo(call), headers: { "Set-Meta-User": "ann", "Content-Type": EVENTS } }),
    });
    const { server, service } = await startGateway(t, backend, { vars: { ...QUIET, SOCKJS_WEBSOCKET_HOLDER: holder } });
    const session = new LazySession(t, service, "xhr");
    await session.open();
    await session.send('["a"]');
    const received = [];
    await session.receive(await session.respond(), (message) => received.push(message), () => received.length === 1);
    const { id } = await backend.call("OPEN");
    await server.kill();
    await server.start();
    await session.send('["b"]');
    await session.receive(await session.respond(), (message) => received.push(message), () => received.length === 2);
    assert.deepEqual(received, ["a", "b"]);
    await until(() => backend.calls.length >= 2, "the requests");
    const calls = await callsOf(backend);
    assert.deepEqual([...calls.keys()], [id], "it was opened once");
    assert.equal(calls.get(id).headers["meta-user"], "ann");
  });
}
