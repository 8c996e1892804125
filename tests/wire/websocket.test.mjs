import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { request, start } from "../harness/clients/http.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { within } from "../harness/waiting/wait.mjs";

const server = await startServer({ after });
const urlOf = (service) => `${server.url}/${service}/000/${randomUUID()}/websocket`;

const UPGRADE = {
  Connection: "Upgrade",
  Upgrade: "websocket",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
};

// Sockets that workerd lets sleep keep their TCP connection for ten seconds after some closes; clients wait for it.
const TCP_ENDS_MS = 5_000;

async function open(t, service) {
  const socket = await openWebSocket(t, urlOf(service));
  assert.equal(await socket.frames.next("the open frame"), "o");
  return socket;
}

test("a session over a WebSocket: open frame, then echoes", async (t) => {
  const socket = await open(t, "echo");
  socket.send('["a"]');
  assert.equal(await socket.frames.next(), 'a["a"]');
  socket.send('"b"'); // one message needs no array
  assert.equal(await socket.frames.next(), 'a["b"]');
});

test("messages sent together come back together", async (t) => {
  const socket = await open(t, "echo");
  socket.send('["a","b"]');
  assert.equal(await socket.frames.next(), 'a["a","b"]');
});

test("empty WebSocket messages and empty arrays say nothing", async (t) => {
  const socket = await open(t, "echo");
  socket.send("");
  socket.send("[]");
  socket.send('["a"]');
  assert.equal(await socket.frames.next(), 'a["a"]');
});

test("two WebSockets with one session id are two connections, and the id can be used again", async (t) => {
  const url = urlOf("echo");
  const sockets = [await openWebSocket(t, url), await openWebSocket(t, url)];
  for (const [index, socket] of sockets.entries()) {
    assert.equal(await socket.frames.next("the open frame"), "o");
    socket.send(`["${index}"]`);
  }
  for (const [index, socket] of sockets.entries()) assert.equal(await socket.frames.next(), `a["${index}"]`);

  sockets[0].close();
  await within(sockets[0].closed, "the close");
  sockets[1].send('["still here"]');
  assert.equal(await sockets[1].frames.next(), 'a["still here"]');
  const again = await openWebSocket(t, url);
  assert.equal(await again.frames.next("the open frame"), "o");
});

test("the service closes: a close frame of SockJS, one of the WebSocket, and the TCP connection ends", async (t) => {
  const socket = await open(t, "close");
  assert.equal(await socket.frames.next(), 'c[3000,"Go away!"]');
  assert.equal((await within(socket.closed, "the end of the connection", TCP_ENDS_MS)).code, 1000);
});

test("the client closes: its code is answered and the TCP connection ends", async (t) => {
  const socket = await open(t, "echo");
  socket.close(3001, "bye");
  assert.deepEqual(await within(socket.closed, "the end of the connection"), { code: 3001, reason: "bye" });
});

test("broken framing ends the connection", async (t) => {
  const socket = await open(t, "echo");
  socket.send('["a');
  assert.deepEqual(await within(socket.closed, "the end of the connection"), { code: 3000, reason: "Broken framing." });
});

test("a service without WebSockets has none", async () => {
  const service = `${server.url}/disabled_websocket_echo`;
  assert.equal(JSON.parse((await request(`${service}/info`)).body).websocket, false);
  for (const path of ["websocket", "000/s/websocket"]) {
    assert.equal((await request(`${service}/${path}`, { headers: UPGRADE })).status, 404, path);
  }
});

for (const path of ["/echo/websocket", `/echo/000/${randomUUID()}/websocket`]) {
  const kind = path === "/echo/websocket" ? "raw" : "framed";
  test(`a binary message on a ${kind} WebSocket closes it with 1003`, async (t) => {
    const socket = await openWebSocket(t, `${server.url}${path}`);
    socket.send(Buffer.from('["a"]'));
    const { code } = await within(socket.closed, "the end of the connection");
    assert.equal(code, 1003);
  });
}

test("a raw WebSocket has no frames", async (t) => {
  const socket = await openWebSocket(t, `${server.url}/echo/websocket`);
  for (const message of ["Hello world!\uffff", "", '["a"]', "x".repeat(9 * 1024)]) {
    socket.send(message);
    assert.equal(await socket.frames.next(), message);
  }
});

test("a raw WebSocket gets the service's close code and reason", async (t) => {
  const socket = await openWebSocket(t, `${server.url}/close/websocket`);
  const { code, reason } = await within(socket.closed, "the end of the connection", TCP_ENDS_MS);
  assert.deepEqual([code, reason], [3000, "Go away!"]);
});

test("the upgrade is answered as RFC 6455 says", async (t) => {
  const connection = await start(urlOf("echo"), { headers: UPGRADE });
  t.after(() => connection.close());
  const { status, headers } = await connection.head();
  assert.equal(status, 101);
  assert.equal(headers["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="); // RFC 6455, section 1.3
  assert.equal(headers.connection.toLowerCase(), "upgrade");
  assert.equal(headers.upgrade.toLowerCase(), "websocket");
  assert.equal(headers["content-length"], undefined);
});

const NO_UPGRADES = [
  [{}, 'Can "Upgrade" only to "WebSocket".'],
  [{ ...UPGRADE, Upgrade: "h2c" }, 'Can "Upgrade" only to "WebSocket".'],
  [{ Upgrade: "WebSocket", Connection: "close" }, '"Connection" must be "Upgrade".'],
  [{ ...UPGRADE, Connection: "close" }, '"Connection" must be "Upgrade".'],
  [{ Upgrade: "websocket", Connection: "Upgrade" }, "Not a valid websocket request"],
  [{ ...UPGRADE, "Sec-WebSocket-Version": "12" }, "Only supported WebSocket protocol is RFC 6455."],
];

for (const path of ["/echo/websocket", "/echo/000/s/websocket"]) {
  const kind = path === "/echo/websocket" ? "raw" : "framed";

  test(`what is no upgrade to a ${kind} WebSocket is refused in words`, async () => {
    for (const [headers, text] of NO_UPGRADES) {
      const refused = await request(`${server.url}${path}`, { headers });
      assert.deepEqual([refused.status, refused.body], [400, text], JSON.stringify(headers));
    }
  });

  for (const headers of [{}, UPGRADE]) {
    test(`POST to a ${kind} WebSocket is 405, ${"Upgrade" in headers ? "with" : "without"} an upgrade`, async () => {
      const response = await request(`${server.url}${path}`, { method: "POST", headers });
      assert.deepEqual([response.status, response.body], [405, ""]);
      assert.equal(response.headers["content-type"], undefined);
      assert.equal(response.headers.allow, "GET, HEAD");
    });
  }
}
