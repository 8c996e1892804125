// Responses to clients that exceed a limit.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { request } from "../harness/clients/http.mjs";
import { PollingSession, openPollingSession } from "../harness/clients/polling-session.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { within } from "../harness/waiting/wait.mjs";

const server = await startServer({ after }, {
  vars: {
    SOCKJS_MESSAGES_PER_BODY: "5",
    SOCKJS_MESSAGE_RATE: "7",
    SOCKJS_CONNECTIONS_PER_OBJECT: "3",
  },
});
const strict = await startServer({ after }, { vars: { SOCKJS_FIRST_MESSAGE_TIMEOUT: "1500" } });

const several = (count) => Array.from({ length: count }, (_, number) => String(number));

async function openEcho(t, { url } = server) {
  const socket = await openWebSocket(t, `${url}/echo/000/${randomUUID()}/websocket`);
  assert.equal(await socket.frames.next("the open frame"), "o");
  return socket;
}

test("a send with more messages than messages_per_body is refused; the client still gets what was sent to it earlier, and then the session is closed", async () => {
  const session = await openPollingSession(`${server.url}/echo`);
  assert.equal((await session.send(several(5))).status, 204);
  const refused = await session.send(several(6));
  assert.deepEqual([refused.status, refused.body], [413, "The body has too many messages (messages_per_body).\n"]);
  assert.equal((await session.poll()).body, 'a["0","1","2","3","4"]\n');
  assert.equal((await session.poll()).body, 'c[1009,"The body has too many messages (messages_per_body)."]\n');
});

test("more in one WebSocket message close it with 1009", async (t) => {
  const socket = await openEcho(t);
  socket.send(JSON.stringify(several(6)));
  assert.deepEqual(await within(socket.closed, "the close"), { code: 1009, reason: "Too many messages in one" });
});

test("a client that sends faster than message_rate is closed with 1008, and reads why", async (t) => {
  const session = await openPollingSession(`${server.url}/echo`);
  const sends = [await session.send(several(5)), await session.send(several(5))];
  assert.deepEqual(sends.map(({ status }) => status), [204, 204]);
  assert.equal((await session.poll()).body, 'a["0","1","2","3","4"]\n');
  assert.equal((await session.poll()).body, 'c[1008,"Too many messages"]\n');

  const socket = await openEcho(t);
  for (const _ of [1, 2]) socket.send(JSON.stringify(several(5)));
  assert.deepEqual(await within(socket.closed, "the close"), { code: 1008, reason: "Too many messages" });
});

test("a connection beyond connections_per_object is told to come later, and the others go on", async (t) => {
  const room = `${server.url}/broadcast`;
  const socket = await openWebSocket(t, `${room}/000/${randomUUID()}/websocket`);
  assert.equal(await socket.frames.next("the open frame"), "o");
  const sessions = [await openPollingSession(room), await openPollingSession(room)];
  const late = new PollingSession(room);
  assert.equal((await late.poll()).body, 'c[1013,"Too many connections"]\n');
  await assert.rejects(openWebSocket(t, `${room}/000/${randomUUID()}/websocket`), /503/);
  await sessions[0].send(["x"]);
  assert.equal(await socket.frames.next("the broadcast"), 'a["x"]');
  assert.equal((await sessions[1].poll()).body, 'a["x"]\n');
});

test("a client that says nothing within first_message_timeout is closed with 1008", async (t) => {
  const socket = await openEcho(t, strict);
  assert.equal(await socket.frames.next("the close frame"), 'c[1008,"No message came in time"]');
  const session = await openPollingSession(`${strict.url}/echo`);
  assert.equal((await session.poll()).body, 'c[1008,"No message came in time"]\n');
});

test("one that said something in time is not", async (t) => {
  const socket = await openEcho(t, strict);
  socket.send('["a"]');
  assert.equal(await socket.frames.next("the echo"), 'a["a"]');
  const silent = await openEcho(t, strict);
  await silent.frames.next("the close of one that was silent for as long");
  socket.send('["b"]');
  assert.equal(await socket.frames.next("the echo"), 'a["b"]');
});

test("the limits are for sessions: /info and pages answer as ever", async () => {
  for (const path of ["/echo", "/echo/info", "/echo/iframe.html"]) {
    for (let number = 0; number < 10; number++) assert.equal((await request(`${server.url}${path}`)).status, 200);
  }
});

test("a URL of more than 8 KiB is refused with 414, wherever a service would answer", async () => {
  const query = "x".repeat(8192);
  for (const path of ["/echo", "/echo/info", "/echo/iframe.html"]) {
    const { status, body } = await request(`${server.url}${path}?${query}`);
    assert.deepEqual([status, body], [414, "The URL is too long.\n"], path);
  }
  const poll = await request(`${server.url}/echo/000/s/xhr?${query}`, { method: "POST" });
  assert.equal(poll.status, 414);
  assert.equal((await request(`${server.url}/nothing?${query}`)).status, 404, "what is not the services' is the application's");
});

test("a WebSocket with more to keep than the runtime lets it is refused with 431, and one with less opens", async (t) => {
  const url = (bytes) => `${server.url}/echo/websocket?${"x".repeat(bytes)}`;
  const headers = Object.fromEntries(["Referer", "Via", "X-Client-IP", "X-Real-IP", "DNT"].map((name) => [name, "y".repeat(1000)]));
  await assert.rejects(openWebSocket(t, url(7500), { headers }), /431/);
  const socket = await openWebSocket(t, url(5000), { headers });
  socket.send("a");
  assert.equal(await socket.frames.next("the echo"), "a");
});
