// The application's on_request: its input, its possible answers, and the data that reaches the objects.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { startMeteredServer } from "../../bench/cost/metered-server.mjs";
import { DOORS, knock } from "../harness/clients/doors.mjs";
import { request } from "../harness/clients/http.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { startServer } from "../harness/servers/server.mjs";

const TOKEN = "a token of at least thirty-two characters";
const server = await startServer({ after }, { vars: { SOCKJS_PUSH_TOKENS: TOKEN } });
const doorman = `${server.url}/doorman`;

/** A session that answers what the application knows of it. */
async function openSession(service = doorman, headers = {}, query = "") {
  const url = `${service}/000/${randomUUID()}`;
  const poll = async () => (await request(`${url}/xhr${query}`, { method: "POST", headers })).body;
  assert.equal(await poll(), "o\n");
  return {
    id: url.split("/").at(-1),
    poll,
    async ask(what) {
      await request(`${url}/xhr_send${query}`, { method: "POST", headers, body: JSON.stringify([what]) });
      return JSON.parse((await poll()).slice(1))[0];
    },
  };
}

test("a rejection has its status, its text and its headers at every door, and reaches no object", async (t) => {
  const guarded = await startMeteredServer(t);
  for (const door of Object.keys(DOORS)) {
    const { status, headers, body } = await knock(`${guarded.url}/doorman`, door, { headers: { "X-Reject": "1" } });
    assert.deepEqual([status, body], [401, "who are you?"], door);
    assert.equal(headers["www-authenticate"], 'Basic realm="doorman"', door);
    assert.equal(headers["retry-after"], "7", door);
  }
  assert.equal((await guarded.counters()).fetches, 0);
});

test("on_request sees cookies and Authorization; the connection gets only the claims that on_request returns", async (t) => {
  const headers = { Cookie: "other=1; user=ada", Authorization: "Basic c2VjcmV0" };
  const session = await openSession(doorman, headers);
  const seen = { user: "ada", authorization: "Basic c2VjcmV0", method: "POST", cf: false };
  assert.deepEqual(JSON.parse(await session.ask("claims")), { ...seen, kind: "Receive", transport: "xhr-polling" });
  for (const header of ["cookie", "authorization"]) assert.equal(await session.ask(header), "", header);

  const socket = await openWebSocket(t, `${doorman}/000/${randomUUID()}/websocket`, { headers });
  await socket.frames.next("the open frame");
  socket.send('["claims"]');
  const claims = JSON.parse(JSON.parse((await socket.frames.next()).slice(1))[0]);
  assert.deepEqual(claims, { ...seen, method: "GET", kind: "WebSocket", transport: "websocket" });
});

test("the address of a connection does not reveal the session id, and pushes to this address still arrive", async (t) => {
  const push = (order) => {
    const headers = { Authorization: `Bearer ${TOKEN}` };
    return request(`${server.url}/push`, { method: "POST", headers, body: JSON.stringify(order) });
  };
  const session = await openSession();
  const address = await session.ask("address");
  assert.match(address, /^[\w-]+@\/doorman\/\/id\/[0-9a-f]{64}$/);
  assert.doesNotMatch(address, new RegExp(session.id));
  assert.equal((await push({ connection: address, message: "hello" })).body, '{"connections":1}');
  assert.equal(await session.poll(), 'a["hello"]\n');
  assert.equal((await push({ connection: `${address.slice(0, -1)}!`, message: "hello" })).status, 503);

  const id = randomUUID();
  const socket = await openWebSocket(t, `${doorman}/000/${id}/websocket`);
  await socket.frames.next("the open frame");
  socket.send('["address"]');
  const [address2] = JSON.parse((await socket.frames.next()).slice(1));
  assert.doesNotMatch(address2, new RegExp(id));
  assert.equal((await push({ connection: address2, message: "hi" })).body, '{"connections":1}');
  assert.equal(await socket.frames.next(), 'a["hi"]');
});

test("the login that a page sent to get its ticket appears in no later URL, and the ticket is not stored with the connection", async (t) => {
  const vars = { SOCKJS_TICKETS: "true", SOCKJS_TICKET_KEYS: "a key of at least thirty-two characters" };
  const guarded = await startServer(t, { vars });
  const { body } = await request(`${guarded.url}/doorman/info?token=login`, { headers: { Cookie: "user=ada" } });
  const { base_url } = JSON.parse(body);
  assert.doesNotMatch(base_url, /login/);
  const session = await openSession(`${guarded.url}/doorman`, {}, `?x=1&${base_url.split("?")[1]}`);
  assert.equal(await session.ask("query"), "x=1");
  assert.deepEqual(JSON.parse(await session.ask("claims")).user, "ada");
});
