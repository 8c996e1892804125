// A backend with the libraries of GRIP for JavaScript: meta values, channels, and messages that it publishes.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, describe, test } from "node:test";
import { Publisher, WebSocketMessageFormat } from "@fanoutio/grip";
import { ServeGrip } from "@fanoutio/serve-grip/node";
import { SignJWT } from "jose";
import { RAW, TRANSPORTS, openSession } from "../harness/clients/eager-session.mjs";
import { until, within } from "../harness/waiting/wait.mjs";
import { startHttpBackend, encode } from "./http-backend.mjs";
import { startGateway } from "./upstream.mjs";

const ALL = [RAW, ...TRANSPORTS];
const KEY = "a key that is long enough to be one";
const OTHER_KEY = "another key that is long enough too";
const QUEUE_LIMIT = 256 << 10;
const VARS = { SOCKJS_QUEUE_LIMIT: String(QUEUE_LIMIT), SOCKJS_GRIP_KEYS: `${KEY}, ${OTHER_KEY}`, SOCKJS_LOG: "error" };

/** A backend as the examples of the libraries write it: each message is a command. */
const serveGrip = new ServeGrip({ grip: { control_uri: "http://127.0.0.1:9", key: KEY, verify_key: KEY }, gripProxyRequired: true });
const ended = [];
const http = createServer(async (request, response) => {
  if (!(await serveGrip.run(request, response))) return;
  const { wsContext } = request.grip;
  assert.ok(request.grip.isSigned);
  if (wsContext.isOpening()) {
    wsContext.accept();
    wsContext.meta.user = "ann";
  }
  while (wsContext.canRecv()) {
    let message;
    try {
      message = wsContext.recv();
    } catch {
      ended.push([wsContext.id, "disconnect"]);
      break;
    }
    if (message === null) {
      ended.push([wsContext.id, wsContext.closeCode]);
      wsContext.close(wsContext.closeCode ?? undefined);
      break;
    }
    const [command, rest] = message.split(":");
    if (command === "join") wsContext.subscribe(rest);
    else if (command === "leave") wsContext.unsubscribe(rest);
    else if (command === "set") wsContext.meta.user = rest;
    else if (command === "forget") delete wsContext.meta.user;
    else if (command === "close") wsContext.close(Number(rest));
    else if (command === "detach") wsContext.detach();
    wsContext.send(command === "get" ? String(wsContext.meta.user) : message);
  }
  response.statusCode = 200;
  response.setHeader("Content-Type", "application/websocket-events");
  response.writeHead(200);
  response.end();
});
http.listen(0, "127.0.0.1");
await within(once(http, "listening"), "the backend to listen");
after(() => http.close());

const gate = await startGateway({ after }, { address: `http://127.0.0.1:${http.address().port}/` }, { vars: VARS });
const { service } = gate;
const root = gate.server.url;

/** A publisher with one way to authorize itself. */
const publisher = (config) => new Publisher({ control_uri: root, ...config });
const signed = publisher({ control_iss: "backend", key: KEY });

async function ask(session, message) {
  const count = session.messages.length;
  await session.send([message]);
  return (await session.received(count + 1)).at(-1);
}

describe("with @fanoutio/serve-grip", { concurrency: false }, () => {
  for (const transport of ALL) {
    test(`echo, meta values, channels and a close over ${transport}`, async (t) => {
      const session = await openSession(t, service, transport);
      assert.equal(await ask(session, "hello"), "hello");
      assert.equal(await ask(session, "get"), "ann");
      await ask(session, "set:bob");
      assert.equal(await ask(session, "get"), "bob");
      await ask(session, "forget");
      assert.equal(await ask(session, "get"), "undefined");

      const channel = `news-${transport}`;
      await ask(session, `join:${channel}`);
      const before = session.messages.length;
      await signed.publishFormats(channel, new WebSocketMessageFormat("first"));
      await signed.publishFormats("another", new WebSocketMessageFormat("not for it"));
      await signed.publishFormats(channel, new WebSocketMessageFormat("second"));
      assert.deepEqual((await session.received(before + 2)).slice(before), ["first", "second"]);
      await ask(session, `leave:${channel}`);
      await signed.publishFormats(channel, new WebSocketMessageFormat("third"));
      assert.equal(await ask(session, "still here"), "still here");
      assert.ok(!session.messages.includes("third"));

      await session.send(["close:4000"]);
      assert.deepEqual(await session.closed(), [4000, ""]);
    });
  }

  test("after detach the backend gets nothing, and the client still gets what is published", async (t) => {
    const session = await openSession(t, service, "websocket");
    await ask(session, "join:later");
    await ask(session, "detach");
    const before = session.messages.length;
    await session.send(["never answered"]);
    await signed.publishFormats("later", new WebSocketMessageFormat("published"));
    assert.deepEqual((await session.received(before + 1)).slice(before), ["published"]);
  });

  test("a client's close has its code", async (t) => {
    const session = await openSession(t, service, "websocket");
    assert.equal(await ask(session, "hello"), "hello");
    ended.length = 0;
    session.socket.close(3001);
    await until(() => ended.length > 0, "the close");
    assert.equal(ended[0][1], 3001);
  });
});

describe("publishing", { concurrency: false }, () => {
  const post = (body, authorization, path = "/publish/") =>
    fetch(`${root}${path}`, { method: "POST", headers: authorization ? { Authorization: authorization } : {}, body: JSON.stringify(body) });
  const message = (formats, channel = "room") => ({ items: [{ channel, formats }] });
  const token = (claims, key = KEY) => new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).sign(Buffer.from(key));
  const soon = () => Math.floor(Date.now() / 1_000) + 60;

  test("reaches every connection of the channel over all transports, in all objects, once", async (t) => {
    const sessions = await Promise.all([...ALL, ...ALL].map((transport) => openSession(t, service, transport)));
    for (const session of sessions) await ask(session, "join:all");
    for (const [at, config] of [{ control_iss: "a", key: KEY }, { key: KEY }, { control_iss: "b", key: OTHER_KEY }].entries()) {
      await publisher(config).publishFormats("all", new WebSocketMessageFormat(`published ${at}`));
    }
    const expected = ["join:all", "published 0", "published 1", "published 2"];
    for (const session of sessions) assert.deepEqual(await session.received(4), expected);
    const response = await post(message({ "ws-message": { content: "é" } }, "all"), `Bearer ${KEY}`);
    assert.deepEqual([response.status, await response.json()], [200, { connections: sessions.length, skipped: 0 }]);
    for (const session of sessions) assert.deepEqual(await session.received(5), [...expected, "é"]);
  });

  test("closes", async (t) => {
    const sessions = await Promise.all(ALL.map((transport) => openSession(t, service, transport)));
    for (const session of sessions) await ask(session, "join:closing");
    await post(message({ "ws-message": { action: "close", code: 4001, reason: "go" } }, "closing"), `Bearer ${KEY}`);
    for (const session of sessions) assert.deepEqual(await session.closed(), [4001, "go"]);
  });

  test("several items are published in their order; one that is wrong stops all of them", async (t) => {
    const session = await openSession(t, service, "websocket");
    await ask(session, "join:order");
    const item = (content) => ({ channel: "order", formats: { "ws-message": content } });
    const items = [item({ content: "1" }), { channel: "order", "http-stream": { content: "not for SockJS" } }, item({ "content-bin": "Mg==" }), item({ content: "3" })];
    assert.deepEqual(await (await post({ items }, `Bearer ${KEY}`)).json(), { connections: 3, skipped: 1 });
    assert.deepEqual(await session.received(4), ["join:order", "1", "2", "3"]);
    const others = [item({ content: "never" }), { channel: "order", formats: { unknown: {} } }];
    for (const wrong of [{ "content-bin": "/w==" }, { action: "refresh" }, { action: "close", code: 1006 }, { content: 7 }, { content: "x", "content-filters": ["var-subst"] }]) {
      const response = await post({ items: [...others, item(wrong)] }, `Bearer ${KEY}`);
      assert.equal(response.status, 400);
      assert.match((await response.json()).error, /^items\[2\]\.ws-message/);
    }
    assert.deepEqual(await (await post({ items: [others[1], item({ action: "hint" }), item({ type: "ping" })] }, `Bearer ${KEY}`)).json(), { connections: 0, skipped: 3 });
    const large = await post({ items: [...others, item({ content: "x".repeat(QUEUE_LIMIT + 1) })] }, `Bearer ${KEY}`);
    assert.equal(large.status, 413);
    assert.equal(await ask(session, "end"), "end");
    assert.ok(!session.messages.includes("never"));
  });

  test("a subscription with filters is refused, and prev-id has no effect: both are warnings in the log", async (t) => {
    const subscribe = (filters) => encode("TEXT", `c:${JSON.stringify({ type: "subscribe", channel: filters.length > 0 ? "filtered" : "all", filters })}`);
    const answer = () => ({
      headers: { "Sec-WebSocket-Extensions": "grip" },
      body: Buffer.concat([encode("OPEN"), subscribe([]), subscribe(["skip-self"]), encode("TEXT", "m:joined")]),
    });
    const backend = await startHttpBackend(t, { answer });
    let printed = "";
    const { server, service } = await startGateway(t, backend, { vars: { ...VARS, SOCKJS_LOG: "warn" }, log: (text) => (printed += text) });
    const session = await openSession(t, service, "websocket");
    await session.received(1);
    const publish = async (channel, content) => {
      const items = [{ channel, id: content, "prev-id": "never sent", formats: { "ws-message": { content } } }];
      const headers = { Authorization: `Bearer ${KEY}` };
      return (await fetch(`${server.url}/publish/`, { method: "POST", headers, body: JSON.stringify({ items }) })).json();
    };
    assert.deepEqual(await publish("filtered", "never"), { connections: 0, skipped: 0 });
    assert.deepEqual(await publish("all", "at once"), { connections: 1, skipped: 0 });
    assert.deepEqual(await session.received(2), ["joined", "at once"]);
    await until(() => printed.includes("control message: filters: expected no filters") && printed.includes("prev-id has no effect"), "the warnings");
  });

  test("is for those who know a key", async () => {
    const body = message({ "ws-message": { content: "x" } });
    for (const [authorization, status] of [
      [undefined, 401],
      ["Bearer", 401],
      [`Basic ${KEY}`, 401],
      ["Bearer wrong", 401],
      [`Bearer ${await token({ iss: "a", exp: soon() }, "a key that nobody here has ever heard of")}`, 401],
      [`Bearer ${await token({ iss: "a", exp: soon() - 600 })}`, 401],
      [`Bearer ${await token({ iss: "a" })}`, 401],
      [`Bearer ${(await token({ exp: soon() })).replace(/^[^.]*/, Buffer.from('{"alg":"none"}').toString("base64url"))}`, 401],
      [`Bearer ${await token({ exp: soon() })}`, 200],
      [`bearer ${OTHER_KEY}`, 200],
    ]) {
      assert.equal((await post(body, authorization)).status, status, authorization);
    }
    assert.equal((await post(body, `Bearer ${KEY}`, "/publish")).status, 200);
    assert.equal((await fetch(`${root}/publish/`, { headers: { Authorization: `Bearer ${KEY}` } })).status, 405);
    assert.equal((await post({}, `Bearer ${KEY}`)).status, 400);
    assert.equal((await post(body, `Bearer ${KEY}`, "/publish/?room=/elsewhere")).status, 404);
  });

  test("is not there without keys, or without an upstream over HTTP", async (t) => {
    const backend = await startHttpBackend(t, { answer: () => ({ body: encode("OPEN") }) });
    for (const [address, vars] of [[backend.address, {}], ["ws://127.0.0.1:9/", VARS]]) {
      const { server } = await startGateway(t, { address }, { vars });
      assert.equal((await fetch(`${server.url}/publish/`, { method: "POST", headers: { Authorization: `Bearer ${KEY}` } })).status, 404);
    }
  });

  test("to a room of a prefix with parameters goes by the query", async (t) => {
    const answer = ({ events }) => ({
      headers: { "Sec-WebSocket-Extensions": "grip" },
      body: events[0].type === "OPEN" ? Buffer.concat([encode("OPEN"), encode("TEXT", 'c:{"type":"subscribe","channel":"x"}'), encode("TEXT", "m:joined")]) : "",
    });
    const backend = await startHttpBackend(t, { answer });
    const other = await startGateway(t, backend, { vars: { ...VARS, SOCKJS_PREFIX: "/chat/{room}" } });
    const [lobby, hall] = await Promise.all(["lobby", "hall"].map((room) => openSession(t, `${other.server.url}/chat/${room}`, "xhr")));
    for (const session of [lobby, hall]) await session.received(1);
    await new Publisher({ control_uri: `${other.server.url}/?room=/chat/lobby`, key: KEY }).publishFormats("x", new WebSocketMessageFormat("to the lobby"));
    assert.deepEqual(await lobby.received(2), ["joined", "to the lobby"]);
    assert.deepEqual(hall.messages, ["joined"]);
  });
});

test("a key that is too short serves nothing, and the answer names the secret", async (t) => {
  const { service } = await startGateway(t, { address: "http://127.0.0.1:9/" }, { vars: { ...VARS, SOCKJS_GRIP_KEYS: `${KEY}, short` } });
  const response = await fetch(`${service}/info`);
  const text = "the secret SOCKJS_GRIP_KEYS must have keys of at least 32 characters, with commas in between";
  assert.equal(response.status, 500);
  assert.ok((await response.text()).includes(text));
});

test("more channels than fit close the connection", async (t) => {
  const subscribe = (channel) => encode("TEXT", `c:${JSON.stringify({ type: "subscribe", channel })}`);
  const answer = () => ({
    headers: { "Sec-WebSocket-Extensions": "grip" },
    body: Buffer.concat([encode("OPEN"), ...Array.from({ length: 65 }, (_, number) => subscribe(`${number}`))]),
  });
  const backend = await startHttpBackend(t, { answer });
  const other = await startGateway(t, backend, { vars: VARS });
  assert.deepEqual(await (await openSession(t, other.service, "websocket")).closed(), [1011, "Too many channels"]);
});
