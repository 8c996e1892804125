// The npm package in the runtime: handlers in TypeScript, and what becomes of their mistakes.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { join } from "node:path";
import { request } from "../harness/clients/http.mjs";
import { Session } from "../harness/clients/session.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { bundled } from "../harness/servers/bundled.mjs";
import { startMiniflare } from "../harness/servers/miniflare.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { until } from "../harness/waiting/wait.mjs";
import { ROOT } from "../../scripts/tools.mjs";

const log = [];
const application = await bundled(join(ROOT, "tests/typescript/api.ts"), { name: "api", flags: ["nodejs_compat"] });
const server = await startServer({ after }, { ...application, log: (text) => log.push(text) });
const logged = (pattern) => until(() => pattern.test(log.join("")), `a line of the log that matches ${pattern}`);

let sessions = 0;
/** A framed WebSocket whose messages come one by one. */
async function open(owner, service, { query = "", headers, url = server.url } = {}) {
  const socket = await openWebSocket(owner, `${url}${service}/000/s${(sessions += 1)}/websocket${query}`, { headers });
  assert.equal(await socket.frames.next("the open frame"), "o");
  const waiting = [];
  const next = async () => {
    while (waiting.length === 0) {
      const frame = await socket.frames.next("a message");
      if (frame.startsWith("a")) waiting.push(...JSON.parse(frame.slice(1)));
      else if (frame !== "h") throw new Error(`instead of a message: ${frame}`);
    }
    return waiting.shift();
  };
  const send = (...messages) => socket.send(JSON.stringify(messages));
  const order = async (order, more = {}) => {
    send(JSON.stringify({ order, ...more }));
    return JSON.parse(await next());
  };
  return { socket, next, send, order };
}

describe("the native API", { concurrency: true }, () => {
  test("facts, state and groups of a connection are told", async (t) => {
    const client = await open(t, "/hall/garden", { query: "?from=here" });
    const { done } = await client.order("facts");
    assert.match(done.id, /^[0-9a-f-]{36}$/);
    assert.equal(done.address, `${done.id}@/hall/garden//room`);
    const { transport, prefix, params, query, readyState } = done;
    assert.deepEqual({ transport, prefix, params, query, readyState }, { transport: "websocket", prefix: "/hall/{room}", params: { room: "garden" }, query: "from=here", readyState: 1 });
    assert.deepEqual(await client.order("recall"), { done: null });
    assert.deepEqual(await client.order("state", { text: "é" }), { done: { text: "é" } });
    assert.deepEqual(await client.order("join", { group: "a" }), { done: ["a"] });
    assert.deepEqual(await client.order("leave", { group: "a" }), { done: false });
    assert.deepEqual(await client.order("count"), { done: [1, 1, 1, true] });
    assert.deepEqual(await client.order("store", { text: "kept" }), { done: ["kept", 1] });
    assert.deepEqual(await client.order("alarm", { ms: 1 }), { done: "/hall/garden" });
    assert.equal(await client.next(), "alarm");
  });

  test("errors have classes and kinds", async (t) => {
    const client = await open(t, "/orders");
    for (const [order, error, kind] of [
      ["too large", "SendError", "too_large"],
      ["bad close", "CloseError", "close"],
      ["no text", "TypeError", undefined],
    ]) {
      const answer = await client.order(order);
      assert.deepEqual([answer.error, answer.kind], [error, kind], order);
    }
    assert.equal((await client.order("join", { group: "" })).error, "GroupError");
    assert.equal((await client.order("state", { text: "x".repeat(5_000) })).error, "StateError");
  });

  test("members of a room hear one another, and who left why", async (t) => {
    const [one, other] = [await open(t, "/hall/talk"), await open(t, "/hall/talk")];
    assert.equal(await one.next(), "opened");
    assert.deepEqual(await one.order("say", { text: "hello" }), { done: 1 });
    assert.equal(await other.next(), "hello");
    await other.order("join", { group: "g" });
    assert.deepEqual(await one.order("all", { group: "g", text: "grouped" }), { done: 1 });
    assert.equal(await other.next(), "grouped");
    other.socket.close(4001, "enough");
    assert.deepEqual(JSON.parse(await one.next()), { kind: "client", code: 4001, reason: "enough" });
  });

  test("a connection that is over says so", async (t) => {
    const [one, other] = [await open(t, "/hall/over"), await open(t, "/hall/over")];
    await one.next();
    await other.order("keep");
    other.socket.close();
    await one.next();
    assert.deepEqual(await one.order("stale", { text: "late" }), { done: ["SendError closed"] });
  });

  test("a handler that returns late, or blocks for a while, harms nobody", async (t) => {
    const [one, other] = [await open(t, "/hall/late"), await open(t, "/hall/late")];
    await one.next();
    one.send(JSON.stringify({ order: "sleep", ms: 300 }), JSON.stringify({ order: "recall" }));
    assert.deepEqual(await other.order("say", { text: "meanwhile" }), { done: 1 });
    assert.deepEqual([await one.next(), JSON.parse(await one.next()), JSON.parse(await one.next())], ["meanwhile", { done: "slept" }, { done: null }]);
    other.send(JSON.stringify({ order: "sleep", ms: 100 }));
    other.socket.close();
    assert.match(await one.next(), /"kind":"client"/);
    assert.deepEqual(await one.order("block", { ms: 100 }), { done: "blocked" });
  });

  test("a request is let in, let in with claims, or refused with a response", async (t) => {
    const greet = async (cookie) => {
      const client = await open(t, "/guarded", { headers: { Cookie: cookie } });
      client.send("who");
      return JSON.parse(await client.next());
    };
    assert.deepEqual(await greet("a=b; user=ann"), { user: "ann", kind: "websocket" });
    const poll = (Cookie) => request(`${server.url}/guarded/000/${(sessions += 1)}x/xhr`, { method: "POST", headers: Cookie ? { Cookie } : {} });
    const refused = await poll();
    assert.deepEqual([refused.status, refused.body, refused.headers["x-realm"]], [401, '{"error":"log in"}', "object"]);
    assert.equal((await poll("user=banned")).status, 403);
    assert.equal((await poll("user=broken")).status, 500);
    await logged(/onRequest is broken/);
    const slashed = await request(`${server.url}/slashed/000/${(sessions += 1)}x/xhr`, { method: "POST" });
    assert.equal(slashed.status, 403, "a prefix with a slash at its end is the same prefix");
  });

  test("each object has what create() made for it", async (t) => {
    const [one, other, third] = [await open(t, "/counter/a"), await open(t, "/counter/a"), await open(t, "/counter/b")];
    for (const [client, count] of [[one, "1"], [other, "2"], [third, "1"]]) {
      client.send("");
      assert.equal(await client.next(), count);
    }
  });

  test("routes stand beside the services, and reach them", async (t) => {
    assert.equal((await request(`${server.url}/somewhere`)).body, "a page of the application");
    assert.equal((await request(`${server.url}/echo/nowhere/at/all`)).status, 404);
    for (const [path, is] of [["/echo/info", "true"], ["/hall/x", "true"], ["/other", "false"]]) {
      assert.equal((await request(`${server.url}/handles?url=http://x${path}`)).body, is);
    }
    const client = await open(t, "/hall/pushed");
    const tell = async (query) => JSON.parse((await request(`${server.url}/tell?room=${query}`)).body);
    assert.deepEqual(await tell("/hall/pushed"), { reached: 1, count: 1, sent: true, next: true });
    assert.deepEqual([await client.next(), await client.next()], ["to one", "to all"]);
    assert.deepEqual(await tell("/hall/pushed&call=count"), { answer: 1 });
    assert.deepEqual(await tell("/hall/pushed&call=nothing"), { answer: null });
    for (const [query, kind] of [["/nowhere", "no_room"], ["/hall/pushed&call=what", "rejected"], ["/hall/pushed&call=fail", "handler_failed"]]) {
      assert.deepEqual(await tell(query), { error: "PushError", kind }, query);
    }
    assert.equal((await request(`${server.url}/hono/pushed`)).body, '{"count":1}', "by Hono");
    const headers = { Authorization: "Bearer a secret of at least thirty-two characters" };
    const counted = await request(`${server.url}/push`, { method: "POST", headers, body: '{"room":"/hall/pushed","count":true}' });
    assert.equal(counted.body, '{"connections":1}');
  });

  test("what is sent without a wait comes back whole, over a WebSocket and over streams", async (t) => {
    const COUNT = 10_000;
    for (const service of ["/echo", "/node-listening", "/node-piped"]) {
      const client = await open(t, service);
      for (let number = 0; number < COUNT; number += 1) client.send(`${number}`);
      for (let number = 0; number < COUNT; number += 1) assert.equal(await client.next(), `${number}`);
      const session = new Session(t, `${server.url}${service}`, "xhr_streaming");
      assert.equal(await session.next(), "o");
      const heard = [];
      for (let at = 0; at < COUNT; at += 500) await session.send(...Array.from({ length: 500 }, (_, index) => `${at + index}`));
      while (heard.length < COUNT) heard.push(...JSON.parse((await session.nextMessages()).slice(1)));
      assert.deepEqual(heard, Array.from({ length: COUNT }, (_, number) => `${number}`));
    }
  });
});

describe("errors of the application", { concurrency: false }, () => {
  for (const [how, shown] of [
    ["throw", /thrown by the application[^]*at fail \(index\.js:\d+/],
    ["reject", /rejected by the application[^]*at fail \(index\.js:\d+/],
    ["later", /rejected later[^]*index\.js:\d+/],
    ["text", /no Error was thrown: a text/],
    ["object", /no Error was thrown: \{\\*"code\\*":5\}/],
    ["null", /no Error was thrown: null/],
    ["undefined", /no Error was thrown: undefined/],
  ]) {
    test(`${how}: the connection is closed with 1011, and the log shows why`, async (t) => {
      const client = await open(t, "/fail");
      client.send(how);
      assert.equal(await client.socket.frames.next(), 'c[1011,"Handler failed"]');
      await logged(shown);
    });
  }

  test("onOpen may fail as well", async (t) => {
    const session = new Session(t, `${server.url}/fail`, "xhr_streaming");
    session.receiveUrl += "?open=throw";
    assert.equal(await session.next(), "o");
    assert.equal(await session.next(), 'c[1011,"Handler failed"]');
  });
});

describe("sockjs-node's API", { concurrency: true }, () => {
  test("an application keeps its clients in a variable", async (t) => {
    const clients = [await open(t, "/node-chat"), await open(t, "/node-chat"), await open(t, "/node-chat")];
    for (const [index, { next }] of clients.entries()) assert.equal(await next(), `hello ${index + 1}`);
    clients[1].send("to all");
    for (const { next } of clients) assert.equal(await next(), "to all");
    clients[0].socket.close();
    const late = await open(t, "/node-chat");
    assert.match(await late.next(), /^hello [34]$/);
  });

  test("a listener that throws, or whose promise is rejected, closes its connection with 1011", async (t) => {
    for (const [how, shown] of [["throw", /thrown by a listener/], ["reject", /rejected by a listener/]]) {
      const client = await open(t, "/node-failing");
      client.send(how);
      assert.equal(await client.socket.frames.next(), 'c[1011,"Handler failed"]');
      await logged(shown);
    }
  });

  test("a connection ends while it is paused, is destroyed, or is closed in a way that is refused", async (t) => {
    const watch = await open(t, "/node-moody/ends");
    const count = async () => {
      watch.send("count");
      return await watch.next();
    };
    const paused = await open(t, "/node-moody/ends");
    paused.send("pause", "waits");
    assert.equal(await count(), "2");
    paused.socket.close();
    await until(async () => (await count()) === "1", "the paused one to be told of its end");
    // null is sockjs-node's way to say nothing.
    for (const how of ["destroy", "null close"]) {
      const ended = await open(t, "/node-moody/ends");
      ended.send(how);
      assert.equal(await ended.socket.frames.next(), 'c[1000,"Normal closure"]', how);
      await until(async () => (await count()) === "1", "the one that ended to be told of it");
    }
    const refused = await open(t, "/node-moody/ends");
    refused.send("bad close", "count");
    assert.deepEqual([await refused.next(), await refused.next()], ["CloseError", "2"]);
    refused.socket.close();
  });

  test("a message that is too large for the queue fails its connection, also behind others", async (t) => {
    const client = await open(t, "/node-moody/large");
    client.send("large");
    let frame;
    do frame = await client.socket.frames.next();
    while (!frame.startsWith("c"));
    assert.equal(frame, 'c[1011,"Handler failed"]');
    await logged(/larger than queue_limit/);
  });

  test("what is piped into a connection that leaves goes on without it", async (t) => {
    const [from, to] = [await open(t, "/node-moody/pipes"), await open(t, "/node-moody/pipes")];
    to.send("leaving", "count");
    await to.next();
    from.send("relay", "one");
    assert.equal(await to.next(), "one");
    to.socket.close();
    await to.socket.closed;
    for (let number = 0; number < 3; number += 1) from.send(`${number}`);
    from.send("count");
    assert.match(await from.next(), /^\d+$/);
  });

  test("connections pipe to and from streams of Node", async (t) => {
    const client = await open(t, "/node-upper");
    for (let number = 0; number < 1_000; number += 1) client.send(`text ${number}`);
    let heard = "";
    while (!heard.endsWith("TEXT 999")) heard += await client.next();
    assert.equal(heard, Array.from({ length: 1_000 }, (_, number) => `TEXT ${number}`).join(""));
  });

  test("what write could not send follows, and drain says when", async (t) => {
    const client = await open(t, "/node-stubborn");
    const COUNT = 5_000;
    client.send(`${COUNT}`);
    for (let number = 0; number < COUNT; number += 1) assert.equal(await client.next(), `${number}`.padStart(100, "0"));
    assert.match(await client.next(), /^drained [1-9]\d*$/);
  });
});

describe("after a sleep or a restart of the object", { concurrency: true }, async () => {
  const sleepy = await startMiniflare({ after }, { ...application, log: () => {} });
  const at = (owner, service) => open(owner, service, { url: sleepy.url });

  test("whoever is back is told, and keeps its state", async (t) => {
    const client = await at(t, "/hall/held");
    await client.order("state", { text: "kept" });
    await client.order("join", { group: "g" });
    await sleepy.evict("/hall/held//room", "close");
    client.send(JSON.stringify({ order: "recall" }));
    assert.deepEqual([await client.next(), JSON.parse(await client.next())], ["returned", { done: { text: "kept" } }]);
    assert.deepEqual(await client.order("count"), { done: [1, 1, 1, true] });
  });

  test("a connection of the instance before is stale", async (t) => {
    const [one, other] = [await at(t, "/hall/stale"), await at(t, "/hall/stale")];
    assert.equal(await one.next(), "opened");
    await other.order("keep");
    await sleepy.evict("/hall/stale//room", "close");
    one.send(JSON.stringify({ order: "stale", text: "from before" }));
    assert.deepEqual([await one.next(), JSON.parse(await one.next())], ["returned", { done: ["StaleError stale"] }]);
  });

  test(`sockjs-node's API, hibernate: true: "connection" comes again with resumed`, async (t) => {
    const client = await at(t, "/node-resting");
    for (const how of ["hibernate", "close", "hibernate"]) {
      client.send("before");
      assert.equal(await client.next(), "before");
      await sleepy.evict("/node-resting//room", how);
      client.send("after");
      assert.deepEqual([await client.next(), await client.next()], ["resumed", "after"], how);
    }
  });

  test("sockjs-node's API: an application's list of clients has each client once", async (t) => {
    // The list is a variable of the isolate.
    const own = await startMiniflare(t, { ...application, log: () => {} });
    const clients = [];
    for (let number = 0; number < 3; number += 1) clients.push(await open(t, "/node-list", { url: own.url }));
    const [first] = clients;
    const count = async () => {
      first.send("count");
      return await first.next();
    };
    let ended = 0;
    for (const how of ["hibernate", "close", "hibernate"]) {
      await own.evict("/node-list//room", how);
      // After a restart each client comes back by itself.
      if (how === "close") await until(async () => (await count()) === "3", "all clients to be back");
      first.send(how);
      for (const { next } of clients) assert.equal(await next(), how);
      assert.equal(await count(), "3", how);
      ended += clients.length;
      const closed = JSON.parse((await request(`${own.url}/closed`)).body);
      assert.deepEqual(closed, Array(ended).fill([3, false, false, false, 1]), "the streams of before are closed, once");
    }
  });

  test("sockjs-node's API: a stream whose object is gone ends when it is written to", async (t) => {
    const own = await startMiniflare(t, { ...application, log: () => {} });
    const ask = async (path) => JSON.parse((await request(`${own.url}${path}`)).body);
    const client = await open(t, "/node-lost", { url: own.url });
    client.send("count");
    assert.equal(await client.next(), "1");
    await own.evict("/node-lost//room", "close");
    await client.socket.closed;
    // A call starts another instance, without a connection that would end the streams of before.
    assert.equal((await ask("/tell?room=/node-lost&call=count")).kind, "rejected");
    assert.deepEqual(await ask("/listed"), [[false, 3]]);
    assert.deepEqual(await ask("/closed"), [[3, false, false, false, 1]]);
    assert.deepEqual(await ask("/listed"), []);
  });

  test("sockjs-node's API: the object stays in memory while anybody is connected", async (t) => {
    // An eviction that has to wait holds up all others.
    const awake = await startMiniflare(t, { ...application, log: () => {} });
    const client = await open(t, "/node-chat", { url: awake.url });
    assert.equal(await client.next(), "hello 1");
    const isTakenOut = await awake.evict("/node-chat//room", "hibernate").then(() => true, () => false);
    assert.equal(isTakenOut, false);
    client.send("still here");
    assert.equal(await client.next(), "still here");
  });
});
