import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { openWebSocket } from "../../harness/clients/websocket.mjs";
import { within } from "../../harness/waiting/wait.mjs";
import { begin, host, newSession, urlOf } from "../client.mjs";
import { openRawConnection } from "../raw-connection.mjs";

/** For the end of the TCP connection after a close: a client that misses it waits for its own time-out. */
const TCP_ENDS_MS = 5_000;

async function open(t, session) {
  const socket = await openWebSocket(t, urlOf(`${session}/websocket`));
  assert.equal(await socket.frames.next("the open frame"), "o");
  return socket;
}

async function assertEcho(socket, message) {
  socket.send(`["${message}"]`);
  assert.equal(await socket.frames.next(), `a["${message}"]`);
}

test("Websocket.test_transport", async (t) => {
  const socket = await open(t, newSession());
  await assertEcho(socket, "a");
});

test("Websocket.test_close", async (t) => {
  const socket = await open(t, newSession("close"));
  assert.equal(await socket.frames.next(), 'c[3000,"Go away!"]');
  await within(socket.closed, "the end of the connection", TCP_ENDS_MS);
  assert.equal(socket.frames.length, 0);
});

test("Websocket.test_headersSanity", async (t) => {
  const key = randomBytes(16).toString("base64");
  const headers = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key };
  const connection = await begin(t, `${newSession()}/websocket`, { headers });
  const head = await connection.head();
  assert.equal(head.status, 101);
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  assert.equal(head.headers["sec-websocket-accept"], accept);
  assert.equal(head.headers.connection.toLowerCase(), "upgrade");
  assert.equal(head.headers.upgrade.toLowerCase(), "websocket");
  assert.equal(head.headers["content-length"], undefined, "Content-Length");
});

test("Websocket.test_empty_frame", async (t) => {
  const socket = await open(t, newSession());
  socket.send("");
  socket.send("[]");
  await assertEcho(socket, "a");
});

test("Websocket.test_reuseSessionId", async (t) => {
  const session = newSession();
  const [one, other] = [await open(t, session), await open(t, session)];
  one.send('["a"]');
  other.send('["b"]');
  assert.equal(await one.frames.next(), 'a["a"]');
  assert.equal(await other.frames.next(), 'a["b"]');

  // Neither has closed the other, and neither takes the other along.
  one.close(3001);
  assert.equal((await within(one.closed, "the end of the connection", TCP_ENDS_MS)).code, 3001);
  await assertEcho(other, "c");
  other.close(3002);
  assert.equal((await within(other.closed, "the end of the connection", TCP_ENDS_MS)).code, 3002);
  await assertEcho(await open(t, session), "a");
});

// Hixie-76: a proxy such as HAProxy holds the eight bytes after the head back until it has seen the 101. The keys and
// their answer are an example of draft-ietf-hybi-thewebsocketprotocol-00.
test("Websocket.test_haproxy", async (t) => {
  const path = `${newSession()}/websocket`;
  const connection = await openRawConnection(t);
  connection.request(
    `GET ${path} HTTP/1.1`,
    `Host: ${host}`,
    "Connection: Upgrade",
    "Upgrade: WebSocket",
    "Origin: http://example.com",
    "Sec-WebSocket-Key1: 18x 6]8vM;54 *(5:  {   U1]8  z [  8",
    "Sec-WebSocket-Key2: 1_ tx7X d  <  nw  334J702) 7]o}` 0",
  );
  const { status, headers } = await connection.head();
  assert.equal(status, 101);
  assert.equal(headers.connection.toLowerCase(), "upgrade");
  assert.equal(headers.upgrade.toLowerCase(), "websocket");
  assert.equal(headers["sec-websocket-location"], `ws://${host}${path}`);
  assert.equal(headers["sec-websocket-origin"], "http://example.com");
  assert.equal(headers["content-length"], undefined, "Content-Length");

  connection.write("Tm[K T2u");
  assert.equal((await connection.bytes(16)).toString("latin1"), "fQJ,fN/4F4!~K~MH");
  assert.equal((await connection.bytes(3)).toString("latin1"), "\x00o\xff");
});

test("Websocket.test_broken_json", async (t) => {
  const socket = await open(t, newSession());
  socket.send('["a');
  await within(socket.closed, "the end of the connection", TCP_ENDS_MS);
  assert.equal(socket.frames.length, 0);
});
