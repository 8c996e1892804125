// The opening of a connection to a backend over HTTP: what the backend gets, and what the client gets for each answer.

import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import { validateSig } from "@fanoutio/grip";
import { jwtVerify } from "jose";
import { WebSocket } from "ws";
import { RAW, TRANSPORTS, openSession } from "../harness/clients/eager-session.mjs";
import { LazySession } from "../harness/clients/lazy-session.mjs";
import { EVENTS, decode, echo, encode, startHttpBackend } from "./http-backend.mjs";
import { startGateway } from "./upstream.mjs";

const ALL = [RAW, ...TRANSPORTS];
const KEY = "a key that is long enough to be one";
const QUIET = { SOCKJS_LOG: "error" };
const never = new Promise(() => {});

const REFUSALS = {
  "refuses with 401": { answer: () => ({ status: 401 }), close: [4401, "Upstream answered 401"] },
  "refuses with 403": { answer: () => ({ status: 403 }), close: [4403, "Upstream answered 403"] },
  "refuses with 404": { answer: () => ({ status: 404 }), close: [4404, "Upstream answered 404"] },
  "refuses with 500": { answer: () => ({ status: 500 }), close: [4500, "Upstream answered 500"] },
  "redirects": { answer: () => ({ status: 302, headers: { Location: "/elsewhere" } }), close: [4502, "Upstream answered 302"] },
  "answers with another type": {
    answer: () => ({ headers: { "Content-Type": "text/html" }, body: "OPEN\r\n" }),
    close: [4502, "Upstream answered 200"],
  },
  "answers without OPEN": { answer: () => ({ body: encode("TEXT", "hello") }), close: [4502, "Upstream answered 200"] },
  "answers with nothing": { answer: () => ({ status: 204 }), close: [4502, "Upstream answered 204"] },
  "answers with malformed events": { answer: () => ({ body: "OPEN\r\nTEXT zz\r\n" }), close: [4502, "Upstream answered with malformed events"] },
  "breaks the connection": { answer: () => null, close: [4502, "Upstream cannot be reached"] },
  "does not answer": {
    answer: () => never,
    vars: { SOCKJS_UPSTREAM_TIMEOUT: "1000" },
    close: [4504, "Upstream did not answer in time"],
  },
};

for (const [what, { answer, vars, close }] of Object.entries(REFUSALS)) {
  test(`where the backend ${what}, the client gets a close frame, and the backend is asked once`, async (t) => {
    const backend = await startHttpBackend(t, { answer });
    const { service } = await startGateway(t, backend, { vars: { ...QUIET, ...vars, SOCKJS_PLACEMENT: "shards:32" } });
    await Promise.all(
      ALL.map(async (transport) => {
        const session = await openSession(t, service, transport);
        assert.deepEqual(await session.closed(), close, transport);
      }),
    );
    assert.equal(backend.asked, ALL.length);
  });
}

describe("the backend gets", { concurrency: false }, () => {
  const SHOWN = {
    Origin: "https://page.example",
    Authorization: "Bearer mine",
    "X-Forwarded-For": "6.6.6.6",
    "Meta-User": "root",
    "Grip-Sig": "forged",
    "Connection-Id": "chosen",
    "X-Other": "never",
  };

  const openers = {
    async websocket(service) {
      const socket = new WebSocket(`${service.replace(/^http/, "ws")}/000/abc/websocket`, { headers: SHOWN });
      return () => socket.terminate();
    },
    async xhr(service) {
      const controller = new AbortController();
      const opened = await fetch(`${service}/000/${randomUUID()}/xhr`, { method: "POST", headers: SHOWN, signal: controller.signal });
      assert.equal(await opened.text(), "o\n");
      return () => controller.abort();
    },
  };

  for (const [transport, open] of Object.entries(openers)) {
    test(`what the client showed, what this server saw, and nothing else, with each request over ${transport}`, async (t) => {
      const backend = await startHttpBackend(t, { answer: () => ({ body: encode("OPEN") }) });
      const { service } = await startGateway(t, backend, { vars: { SOCKJS_GRIP_KEYS: KEY, SOCKJS_DISCONNECT_DELAY: "1000" } });
      const leave = await open(service);
      const calls = [await backend.call("OPEN")];
      leave();
      calls.push(await backend.call("DISCONNECT"));
      for (const { request, headers, raw } of calls) {
        assert.deepEqual([request.method, request.url], ["POST", "/events"]);
        const { host, "content-length": length, "grip-sig": signature, "connection-id": id, "x-forwarded-for": address, ...others } = headers;
        assert.equal(Number(length), raw.length);
        assert.match(id, /^[\w-]{16,}$/);
        assert.notEqual(address, "6.6.6.6");
        assert.deepEqual(others, {
          accept: EVENTS,
          "content-type": EVENTS,
          "sec-websocket-extensions": "grip",
          origin: "https://page.example",
          authorization: "Bearer mine",
          "x-forwarded-host": new URL(service).host,
          "x-forwarded-proto": "http",
        });
        assert.ok(await validateSig(signature, KEY, "sockjs-edge"));
        assert.ok(!(await validateSig(signature, `${KEY}.`)), "another key");
        const { payload } = await jwtVerify(signature, Buffer.from(KEY));
        assert.equal(payload.sub, id);
        assert.equal(payload.body, createHash("sha256").update(raw).digest("base64url"));
        assert.ok(payload.exp - payload.iat === 300);
      }
      assert.equal(calls[0].id, calls[1].id);
      assert.equal(calls[0].raw.toString(), "OPEN\r\n");
    });
  }

  test("parameters of the prefix in the path", async (t) => {
    const backend = await startHttpBackend(t);
    const upstream = { address: `${backend.address}/{room}?in={room}` };
    const { service } = await startGateway(t, upstream, { vars: { SOCKJS_PREFIX: "/chat/{room}" } });
    await openSession(t, service.replace("/sockjs", "/chat/a%2Fb"), "websocket");
    assert.equal((await backend.call("OPEN")).request.url, "/events/a%2Fb?in=a%2Fb");
  });
});

test("messages that come before the backend accepts wait, and go in order", async (t) => {
  const accepts = Promise.withResolvers();
  const answer = async (call) => {
    if (call.events[0].type === "OPEN") await accepts.promise;
    return echo(call);
  };
  const backend = await startHttpBackend(t, { answer });
  const { service } = await startGateway(t, backend);
  const sessions = await Promise.all(ALL.map((transport) => openSession(t, service, transport)));
  for (const session of sessions) await session.send(["1", "2"]);
  for (const session of sessions) await session.send(["3"]);
  accepts.resolve();
  for (const session of sessions) assert.deepEqual(await session.received(3), ["1", "2", "3"]);
  assert.equal(backend.mostInFlight, 1);
});

test("a client that leaves before the backend accepts is told of by DISCONNECT afterwards", async (t) => {
  const accepts = Promise.withResolvers();
  const backend = await startHttpBackend(t, { answer: (call) => (call.events[0].type === "OPEN" ? accepts.promise : echo(call)) });
  const { service } = await startGateway(t, backend);
  const session = await openSession(t, service, "websocket");
  const { id } = await backend.call("OPEN");
  session.leave();
  accepts.resolve({ body: encode("OPEN") });
  assert.equal((await backend.call("DISCONNECT")).id, id);
});

test("a session over HTTP whose object restarts while it is opened is closed with 1012", async (t) => {
  const backend = await startHttpBackend(t, { answer: () => never });
  const { server, service } = await startGateway(t, backend, { vars: QUIET });
  const session = new LazySession(t, service, "xhr");
  await session.open();
  await backend.call("OPEN");
  await server.kill();
  await server.start();
  assert.deepEqual(await session.receive(await session.respond(), () => {}), [1012, "Upstream lost"]);
});

test("headers that are too large to be kept: the client is closed", async (t) => {
  const backend = await startHttpBackend(t);
  const { service } = await startGateway(t, backend, { vars: QUIET });
  const session = await openSession(t, service, "websocket", { socket: { headers: { Authorization: "x".repeat(5_000) } } });
  assert.deepEqual(await session.closed(), [1011, "Headers, meta values and channels are too large"]);
  assert.deepEqual(decode((await backend.call("OPEN")).raw).length, 1);
  await backend.call("CLOSE");
  assert.equal(backend.asked, 2);
});
