// The opening of a connection: what the client gets for each answer of the upstream, before and after its open frame.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import SockJS from "sockjs-client";
import { UPGRADE, knock } from "../harness/clients/doors.mjs";
import { TRANSPORTS, openSession } from "../harness/clients/eager-session.mjs";
import { StockClient } from "../harness/clients/stock-client.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { within } from "../harness/waiting/wait.mjs";
import { MESSAGE_LIMIT, silent, startGateway, startUpstream } from "./upstream.mjs";

const HTTP = TRANSPORTS.filter((transport) => transport !== "websocket");
const QUIET = { SOCKJS_LOG: "error" };
const never = new Promise(() => {});

/** What the upstream does with a handshake; the HTTP status before the client is open, and code and reason after. */
const REFUSALS = {
  "refuses with 401": { answer: () => 401, status: 401, close: [4401, "Upstream answered 401"] },
  "refuses with 403": { answer: () => 403, status: 403, close: [4403, "Upstream answered 403"] },
  "refuses with 404": { answer: () => 404, status: 404, close: [4404, "Upstream answered 404"] },
  "refuses with 500": { answer: () => 500, status: 500, close: [4500, "Upstream answered 500"] },
  "answers without an upgrade": { answer: () => 200, status: 502, close: [4502, "Upstream answered 200"] },
  "redirects": { answer: () => 302, status: 502, close: [4502, "Upstream answered 302"] },
  "breaks the connection": { answer: () => 0, status: 502, close: [4502, "Upstream cannot be reached"] },
  "does not answer": {
    answer: () => never,
    vars: { SOCKJS_UPSTREAM_TIMEOUT: "1000" },
    status: 504,
    close: [4504, "Upstream did not answer in time"],
  },
  "selects another subprotocol": { protocol: "other", status: 502, close: [4502, "Upstream selected another subprotocol"] },
};

/** Code and reason of the close frame, and the code of the WebSocket itself. */
async function closeOf(socket) {
  assert.equal(await socket.frames.next("the open frame"), "o");
  const frame = await socket.frames.next("the close frame");
  const { code } = await within(socket.closed, "the end of the WebSocket");
  assert.equal(code, 1000, "of the WebSocket");
  return JSON.parse(frame.slice(1));
}

const framed = (t, service) => openWebSocket(t, `${service}/000/${randomUUID()}/websocket`);

for (const [what, { vars, status, close, ...upstreamOptions }] of Object.entries(REFUSALS)) {
  describe(`where the upstream ${what}`, { concurrency: false }, () => {
    const start = async (t, more) => {
      const upstream = await startUpstream(t, upstreamOptions);
      return startGateway(t, upstream, { vars: { ...QUIET, ...vars, ...more } });
    };

    test("a WebSocket gets the status before it is open", async (t) => {
      const { service } = await start(t, { SOCKJS_UPSTREAM_OPEN: "after" });
      assert.equal((await knock(service, "raw websocket")).status, status);
      assert.equal((await knock(service, "websocket")).status, status);
    });

    test("a WebSocket that is open at once gets a close frame", async (t) => {
      const { service } = await start(t, { SOCKJS_UPSTREAM_OPEN: "before" });
      assert.deepEqual(await closeOf(await framed(t, service)), close);
      assert.equal((await knock(service, "raw websocket")).status, status, "a raw one cannot be open before");
    });

    test("sessions over HTTP are open, and get a close frame", async (t) => {
      const { service } = await start(t);
      for (const transport of HTTP) {
        const session = await openSession(t, service, transport);
        assert.deepEqual(await session.closed(), close, transport);
      }
    });
  });
}

test("a refusal that comes late is a close frame, and one that comes at once a status", async (t) => {
  const answers = [Promise.withResolvers(), Promise.withResolvers()];
  let asked = 0;
  const upstream = await startUpstream(t, { answer: () => answers[asked++].promise });
  const { service } = await startGateway(t, upstream, { vars: QUIET });
  answers[0].resolve(401);
  assert.equal((await knock(service, "websocket")).status, 401);
  const socket = await framed(t, service);
  answers[1].resolve(403);
  assert.deepEqual(await closeOf(socket), [4403, "Upstream answered 403"]);
});

describe("an upstream that accepts late", { concurrency: true }, () => {
  for (const seconds of [0, 0.3, 1, 3]) {
    test(`by ${seconds} s has one connection of a stock client, which stays on websocket`, async (t) => {
      const accept = () => new Promise((resolve) => setTimeout(resolve, seconds * 1_000, undefined));
      const upstream = await startUpstream(t, { answer: accept });
      const { service } = await startGateway(t, upstream);
      // With its own time limits: it gives a transport little more than half a second.
      const client = new StockClient(new SockJS(service, null, { transports: ["websocket", "xhr-streaming"] }));
      t.after(() => client.close());
      await within(client.opened, "the stock client to connect");
      assert.equal(client.transport, "websocket");
      for (const number of [1, 2, 3]) client.send(`${number}`);
      for (const number of [1, 2, 3]) assert.equal(await client.messages.next(), `${number}`);
      assert.deepEqual([upstream.asked, upstream.accepted], [1, 1]);
    });

    test(`by ${seconds} s has one connection of each session over HTTP, and gets its first messages in order`, async (t) => {
      const accept = () => new Promise((resolve) => setTimeout(resolve, seconds * 1_000, undefined));
      const upstream = await startUpstream(t, { answer: accept });
      const { service } = await startGateway(t, upstream);
      const sessions = await Promise.all(HTTP.map((transport) => openSession(t, service, transport)));
      for (const session of sessions) await session.send(["1", "2"]);
      for (const session of sessions) await session.send(["3"]);
      for (const session of sessions) assert.deepEqual(await session.received(3), ["1", "2", "3"]);
      assert.deepEqual([upstream.asked, upstream.accepted], [HTTP.length, HTTP.length]);
    });
  }
});

describe("a client that leaves before the upstream accepts", { concurrency: true }, () => {
  for (const [what, leave, end] of [
    ["by a close", (socket) => socket.close(3000, "gone"), [3000, "gone"]],
    ["by a violation", (socket) => socket.send("["), [3000, "Broken framing."]],
    ["by breaking off", (socket) => socket.terminate(), [1011, "Client lost"]],
  ]) {
    test(`${what}: the upstream gets its messages, and then the end`, async (t) => {
      const accept = Promise.withResolvers();
      const upstream = await startUpstream(t, { answer: () => accept.promise, onConnection: silent });
      const { service } = await startGateway(t, upstream, { vars: { ...QUIET, SOCKJS_UPSTREAM_OPEN: "before" } });
      const socket = await framed(t, service);
      assert.equal(await socket.frames.next(), "o");
      const large = "x".repeat(MESSAGE_LIMIT);
      socket.send(JSON.stringify(["one", large]));
      socket.send('["two"]', () => leave(socket));
      await socket.closed;
      await sleep(100);
      accept.resolve(undefined);
      const connection = await upstream.socket();
      assert.deepEqual(await connection.closed(), end);
      assert.deepEqual([await connection.messages.next(), await connection.messages.next(), await connection.messages.next()], ["one", large, "two"]);
      assert.equal(connection.messages.length, 0);
    });
  }

  for (const mode of ["auto", "after"]) {
    for (const [how, leave] of [["by a reset", (socket) => socket.resetAndDestroy()], ["by an end of TCP", (socket) => socket.destroy()]]) {
      for (const door of ["framed", "raw"]) {
        test(`${how} and without an answer, in mode ${mode}: a ${door} WebSocket leaves no connection behind`, async (t) => {
          const asked = Promise.withResolvers();
          const accept = Promise.withResolvers();
          const answer = () => {
            asked.resolve();
            return accept.promise;
          };
          const upstream = await startUpstream(t, { answer, onConnection: silent });
          const { service } = await startGateway(t, upstream, { vars: { ...QUIET, SOCKJS_UPSTREAM_OPEN: mode } });
          const { port, pathname } = new URL(service);
          const client = connect(port, "127.0.0.1").on("error", () => {});
          const path = door === "raw" ? `${pathname}/websocket` : `${pathname}/000/${randomUUID()}/websocket`;
          const head = Object.entries({ Host: "localhost", ...UPGRADE }).map(([name, value]) => `${name}: ${value}\r\n`);
          client.write(`GET ${path} HTTP/1.1\r\n${head.join("")}\r\n`);
          await within(asked.promise, "the upstream to be asked");
          leave(client);
          await sleep(100);
          accept.resolve(undefined);
          const connection = await upstream.socket();
          assert.ok([1006, 1011].includes((await connection.closed())[0]));
        });
      }
    }
  }
});

test("what waits for the upstream is bounded: then the client is closed with 1013", async (t) => {
  const accept = Promise.withResolvers();
  const upstream = await startUpstream(t, { answer: () => accept.promise });
  const vars = { SOCKJS_UPSTREAM_OPEN: "before", SOCKJS_INBOX_LIMIT: String(128 << 10) };
  const { service } = await startGateway(t, upstream, { vars });
  const socket = await framed(t, service);
  for (let count = 0; count < 4; count++) socket.send(JSON.stringify(["x".repeat(40 << 10)]));
  assert.deepEqual(await closeOf(socket), [1013, "Messages come faster than they are handled"]);
  accept.resolve(undefined);
  const connection = await upstream.socket();
  assert.equal((await connection.closed())[0], 1013);
  assert.equal(connection.messages.length, 0);
});

test("the upstream gets what the client showed, what this server saw, and nothing else", async (t) => {
  const upstream = await startUpstream(t);
  const vars = { SOCKJS_UPSTREAM_PROTOCOLS: "v12.stomp,v11.stomp", SOCKJS_ALLOWED_ORIGINS: "https://page.example" };
  const { server, service } = await startGateway(t, upstream, { vars });
  const headers = {
    Origin: "https://page.example",
    Authorization: "Bearer secret",
    Cookie: "a=b",
    "X-Forwarded-For": "203.0.113.66",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "gopher",
    "CF-Connecting-IP": "203.0.113.66",
    "X-Own": "mine",
    "sockjs-edge-command": "none",
  };
  const ALLOWED = ["origin", "authorization", "cookie", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];
  const OF_A_HANDSHAKE = ["host", "upgrade", "connection", "sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions", "sec-websocket-protocol"];
  const check = async (offered) => {
    const { headers: seen, url } = await upstream.requests.next("a handshake");
    assert.equal(url, "/ws");
    const { host } = new URL(server.url);
    assert.deepEqual(
      Object.fromEntries(ALLOWED.map((name) => [name, seen[name]])),
      {
        origin: "https://page.example",
        authorization: "Bearer secret",
        cookie: "a=b",
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-host": host,
        "x-forwarded-proto": "http",
      },
    );
    assert.equal(seen["sec-websocket-protocol"], offered);
    const others = Object.keys(seen).filter((name) => ![...ALLOWED, ...OF_A_HANDSHAKE].includes(name));
    assert.deepEqual(others, []);
  };
  await knock(service, "websocket", { headers });
  await check("v12.stomp, v11.stomp");
  await knock(service, "raw websocket", { headers: { ...headers, "Sec-WebSocket-Protocol": "mqtt, v11.stomp" } });
  await check("v11.stomp");
  await knock(service, "xhr_streaming", { headers });
  await check("v12.stomp, v11.stomp");
});

test("cookies that come with a request from a foreign page are not passed to the upstream", async (t) => {
  const upstream = await startUpstream(t);
  const { service } = await startGateway(t, upstream);
  for (const door of ["websocket", "raw websocket", "xhr_streaming", "jsonp"]) {
    const origin = door === "jsonp" ? {} : { Origin: "https://evil.example" };
    const { status } = await knock(service, door, { headers: { Cookie: "a=b", ...origin } });
    assert.ok([101, 200].includes(status), `${door}: ${status}`);
    const { headers } = await upstream.requests.next("a handshake");
    assert.deepEqual([headers.cookie, headers.origin], [undefined, origin.Origin], door);
  }
});

test("the upstream gets no cookies from the page that iframe transports load, unless allowed_origins is set", async (t) => {
  for (const list of [undefined, "https://page.example"]) {
    const upstream = await startUpstream(t);
    const { server, service } = await startGateway(t, upstream, { vars: list ? { SOCKJS_ALLOWED_ORIGINS: list } : {} });
    for (const door of ["xhr", "xhr_streaming", "eventsource", "htmlfile", "jsonp"]) {
      for (const [page, goesOn] of [[`${service}/iframe.html`, Boolean(list)], [`${service}/iframe-1.6.1.html`, Boolean(list)], [`${server.url}/app`, true]]) {
        const headers = { Cookie: "a=b", Referer: page, "Sec-Fetch-Site": "same-origin", ...(door.startsWith("xhr") ? { Origin: server.url } : {}) };
        assert.equal((await knock(service, door, { headers })).status, 200, door);
        const { headers: seen } = await upstream.requests.next("a handshake");
        assert.equal(seen.cookie, goesOn ? "a=b" : undefined, `${door} from ${page}`);
      }
    }
  }
});

test("a trusted proxy names the client's address, and the host and scheme that it asked for; nobody else does", async (t) => {
  const upstream = await startUpstream(t);
  const headers = { "X-Forwarded-For": "203.0.113.5", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "public.example" };
  for (const [proxies, trusted] of [["127.0.0.1", true], ["192.0.2.1", false]]) {
    const { server, service } = await startGateway(t, upstream, { vars: { ...QUIET, SOCKJS_TRUSTED_PROXIES: proxies } });
    for (const door of ["websocket", "raw websocket", "xhr_streaming"]) {
      await knock(service, door, { headers });
      const { headers: seen } = await upstream.requests.next("a handshake");
      const expected = trusted ? ["203.0.113.5", "https", "public.example"] : ["127.0.0.1", "http", new URL(server.url).host];
      assert.deepEqual([seen["x-forwarded-for"], seen["x-forwarded-proto"], seen["x-forwarded-host"]], expected, door);
    }
  }
});

test("cookies of two header lines are joined as cookies", async (t) => {
  const upstream = await startUpstream(t);
  const { server, service } = await startGateway(t, upstream);
  for (const door of ["websocket", "raw websocket", "xhr_streaming"]) {
    await knock(service, door, { headers: { Cookie: "a=b; c=d", cookie: "e=f", Origin: server.url, Referer: `${server.url}/` } });
    assert.equal((await upstream.requests.next("a handshake")).headers.cookie, "a=b; c=d; e=f", door);
  }
});

test("a raw client learns the subprotocol that the upstream selected", async (t) => {
  const upstream = await startUpstream(t, { protocol: "v11.stomp" });
  const { service } = await startGateway(t, upstream, { vars: { SOCKJS_UPSTREAM_PROTOCOLS: "v12.stomp,v11.stomp" } });
  const { status, headers } = await knock(service, "raw websocket", { headers: { "Sec-WebSocket-Protocol": "v12.stomp, v11.stomp" } });
  assert.deepEqual([status, headers["sec-websocket-protocol"]], [101, "v11.stomp"]);
});

test("a parameter of the prefix stands in the path, and changes nothing else", async (t) => {
  const upstream = await startUpstream(t);
  const vars = { SOCKJS_PREFIX: "/chat/{room}", SOCKJS_UPSTREAM: `ws://127.0.0.1:${upstream.port}/rooms/{room}?r={room}` };
  const { server } = await startGateway(t, upstream, { vars: { ...QUIET, ...vars } });
  for (const [written, seen] of [["lobby", "lobby"], ["a%2Fb%3Fc%40d", "a%2Fb%3Fc%40d"]]) {
    for (const door of ["websocket", "raw websocket", "xhr_streaming"]) {
      assert.ok([101, 200].includes((await knock(`${server.url}/chat/${written}`, door)).status), door);
      assert.equal((await upstream.requests.next("a handshake")).url, `/rooms/${seen}?r=${seen}`);
    }
  }
  assert.equal((await knock(`${server.url}/chat/a%2F..%2Fb`, "websocket")).status, 404);
  assert.equal(upstream.requests.length, 0);
});
