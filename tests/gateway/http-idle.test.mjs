// Connections to a backend over HTTP on which nothing happens: Keep-Alive-Interval, keep-alive, and objects that sleep meanwhile.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { LazySession } from "../harness/clients/lazy-session.mjs";
import { RAW, TRANSPORTS, openSession } from "../harness/clients/eager-session.mjs";
import { until } from "../harness/waiting/wait.mjs";
import { encode, startHttpBackend } from "./http-backend.mjs";
import { startGateway } from "./upstream.mjs";

const ALL = [RAW, ...TRANSPORTS];
const POLL_S = 20;
const GRIP = { "Sec-WebSocket-Extensions": "grip" };
const OPEN_VARS = { SOCKJS_PLACEMENT: "shards:1", SOCKJS_DISCONNECT_DELAY: "60000" };
const SLEEPS_AFTER_MS = 10_000;

const control = (message) => encode("TEXT", `c:${JSON.stringify(message)}`);
const message = (text) => encode("TEXT", `m:${text}`);

/** Accepts, and passes each message of a client on as one to the gateway: JSON after `c:`. */
const commanded = ({ events }) => ({
  headers: GRIP,
  body: Buffer.concat(events.map(({ type, content }) => {
    if (type === "OPEN") return encode("OPEN");
    if (type !== "TEXT") return Buffer.alloc(0);
    const text = content.toString();
    return text.startsWith("{") ? encode("TEXT", `c:${text}`) : message(text);
  })),
});

describe("keep-alive", { concurrency: true }, () => {
  for (const transport of ALL) {
    test(`a client that gets nothing gets the message, again and again, until that ends: ${transport}`, { timeout: 60_000 }, async (t) => {
      const backend = await startHttpBackend(t, { answer: commanded });
      const { service } = await startGateway(t, backend, { vars: OPEN_VARS });
      const session = await openSession(t, service, transport);
      const began = Date.now();
      await session.send([JSON.stringify({ type: "keep-alive", content: "idle", timeout: 2 })]);
      assert.deepEqual(await session.received(2), ["idle", "idle"]);
      const lasted = Date.now() - began;
      assert.ok(lasted > 3_400 && lasted < 7_000, `${lasted} ms`);
      const { asked } = backend;
      await session.send([JSON.stringify({ type: "keep-alive" })]);
      await sleep(3_000);
      assert.equal(session.messages.length, 2);
      assert.equal(backend.asked, asked + 1, "the backend is not asked for it");
    });
  }

  test("a message in between puts it off, unless it has an interval", { timeout: 60_000 }, async (t) => {
    const backend = await startHttpBackend(t, { answer: commanded });
    const { service } = await startGateway(t, backend, { vars: OPEN_VARS });
    const talk = async (mode) => {
      const session = await openSession(t, service, "websocket");
      await session.send([JSON.stringify({ type: "keep-alive", content: "idle", timeout: 3, mode })]);
      for (let count = 0; count < 5; count++) {
        await sleep(1_200);
        await session.send(["talk"]);
      }
      await session.received(5);
      return session.messages.filter((text) => text === "idle").length;
    };
    const [idle, interval] = await Promise.all([talk("idle"), talk("interval")]);
    assert.equal(idle, 0);
    assert.ok(interval === 1 || interval === 2, `${interval}`);
  });

  test("a message that is not text is refused with a warning, and the connection goes on", async (t) => {
    const backend = await startHttpBackend(t, { answer: commanded });
    let printed = "";
    const { service } = await startGateway(t, backend, { vars: OPEN_VARS, log: (text) => (printed += text) });
    const session = await openSession(t, service, "websocket");
    await session.send([JSON.stringify({ type: "keep-alive", "message-type": "binary", "content-bin": "/w==", timeout: 1 }), "on"]);
    assert.deepEqual(await session.received(1), ["on"]);
    await until(() => printed.includes("control message: content-bin: expected UTF-8"), "the warning");
  });
});

test("Keep-Alive-Interval: the backend gets requests without events, from objects that slept, and its answers reach the clients", { timeout: 120_000 }, async (t) => {
  const empty = new Map();
  const answer = ({ events, id, headers }) => {
    const isOpening = events[0]?.type === "OPEN";
    if (events.length === 0) empty.set(id, [...(empty.get(id) ?? []), { at: Date.now(), number: Number(headers["sockjs-event"]), user: headers["meta-user"] }]);
    return {
      headers: { ...GRIP, "Keep-Alive-Interval": String(POLL_S), ...(isOpening && { "Set-Meta-User": "ann" }) },
      body: isOpening ? encode("OPEN") : events.length === 0 ? message("still there?") : "",
    };
  };
  const backend = await startHttpBackend(t, { answer });
  const { service } = await startGateway(t, backend, { vars: { ...OPEN_VARS, SOCKJS_UPSTREAM_DELIVERY: "at_least_once" } });
  const began = Date.now();
  const sessions = await Promise.all(ALL.map((transport) => openSession(t, service, transport)));
  for (const session of sessions) assert.deepEqual(await session.received(2), ["still there?", "still there?"]);
  const lasted = Date.now() - began;
  assert.ok(lasted > 2 * POLL_S * 1_000 * 0.8 && lasted < 3 * POLL_S * 1_000, `${lasted} ms`);
  assert.equal(empty.size, ALL.length);
  for (const [first, second] of empty.values()) {
    assert.equal(second.user, "ann");
    assert.ok(second.number - first.number > SLEEPS_AFTER_MS * 1_000, "another instance numbers from a later moment");
  }
  assert.equal(backend.mostInFlight, 1);
  assert.equal(backend.asked, ALL.length * 3, "one for each opening, and two without events");
});

test("a session over HTTP gets its keep-alive after a restart of the object", { timeout: 60_000 }, async (t) => {
  const answer = ({ events }) => ({
    headers: GRIP,
    body: events[0]?.type === "OPEN" ? Buffer.concat([encode("OPEN"), control({ type: "keep-alive", content: "idle", timeout: 4 }), message("first")]) : "",
  });
  const backend = await startHttpBackend(t, { answer });
  const { server, service } = await startGateway(t, backend, { vars: { ...OPEN_VARS, SOCKJS_LOG: "error" } });
  const session = new LazySession(t, service, "xhr");
  await session.open();
  const received = [];
  const take = async (count) => session.receive(await session.respond(), (text) => received.push(text), () => received.length === count);
  await take(1);
  await server.kill();
  await server.start();
  await take(2);
  assert.deepEqual(received, ["first", "idle"]);
  assert.equal(backend.asked, 1);
});
