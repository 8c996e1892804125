import assert from "node:assert/strict";
import { after, test } from "node:test";
import SockJS from "sockjs-client";
import { example } from "../../scripts/examples.mjs";
import { request } from "../harness/clients/http.mjs";
import { connectStockClient } from "../harness/clients/stock-client.mjs";
import { exchange, nastyMessages } from "../harness/messages/exchange.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { readObjects } from "../harness/servers/storage.mjs";
import { within } from "../harness/waiting/wait.mjs";

const TOKEN = "a secret & more";
const vars = { MEMBERS_TOKEN: TOKEN };

/** Every request that reaches a session. */
const DOORS = [
  ...["xhr", "xhr_streaming", "eventsource", "htmlfile?c=cb", "jsonp?c=cb", "websocket", "xhr_send", "jsonp_send"].map((end) => `/000/session/${end}`),
  "/websocket",
];
const UPGRADE = {
  Connection: "Upgrade",
  Upgrade: "websocket",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
};
/** Close code of the stock client when every transport failed. */
const ALL_TRANSPORTS_FAILED = 2000;

const server = await startServer({ after }, { ...example("routes"), vars });

test("the application's own routes are answered beside the services", async () => {
  const get = (path) => request(server.url + path);
  assert.match((await get("/")).body, /^an application with SockJS/);
  assert.equal((await get("/hello/Ada")).body, "hello, Ada\n");
  assert.equal((await get("/nothing")).status, 404);
  for (const service of ["/echo", "/members"]) assert.equal((await get(service)).body, "Welcome to SockJS!\n");
  assert.equal((await get("/echoes")).status, 404);
  assert.equal((await get("/echo/info")).status, 200);
});

test("two services under two prefixes, each with its own handler", async (t) => {
  const echo = await connectStockClient(t, `${server.url}/echo`, "websocket");
  await exchange(echo, nastyMessages(50));
  const member = await connectStockClient(t, server.url + withToken("/members", TOKEN), "websocket");
  member.send("hello");
  assert.equal(await member.messages.next(), "members only: hello");
});

for (const transport of ["xhr-streaming", "eventsource", "xhr-polling"]) {
  test(`a client with the token comes in over ${transport}`, async (t) => {
    const client = await connectStockClient(t, server.url + withToken("/members", TOKEN), transport);
    client.send("hello");
    assert.equal(await client.messages.next(), "members only: hello");
  });
}

for (const [what, token, status] of [
  ["no token", undefined, 401],
  ["an empty token", "", 403],
  ["a wrong token", "a secret", 403],
]) {
  test(`a client with ${what} is refused with ${status} at every door, and no object is touched`, async (t) => {
    const own = await startServer(t, { ...example("routes"), vars });
    for (const door of DOORS) {
      const method = /xhr|send/.test(door) ? "POST" : "GET";
      const headers = door.includes("websocket") ? UPGRADE : {};
      const body = door.includes("send") ? '["x"]' : undefined;
      const answer = await request(own.url + withToken(`/members${door}`, token), { method, headers, body });
      assert.equal(answer.status, status, door);
      assert.match(answer.body, /token/, door);
    }
    assert.equal(await closeOfStockClient(own.url + withToken("/members", token)), ALL_TRANSPORTS_FAILED);
    assert.deepEqual(readObjects(own.objects), {});

    // Were one touched, it would be seen.
    const opened = await request(own.url + withToken("/members/000/session/xhr", TOKEN), { method: "POST" });
    assert.equal(opened.body, "o\n");
    assert.equal(Object.keys(readObjects(own.objects)).length, 1);
  });
}

for (const segment of ["xhr_send", "jsonp_send"]) {
  test(`a client that knows the id of a member's session can send nothing to it without the token: ${segment}`, async () => {
    const session = `/members/000/live-${segment}`;
    const poll = () => request(server.url + withToken(`${session}/xhr`, TOKEN), { method: "POST" });
    assert.equal((await poll()).body, "o\n");
    for (const token of [undefined, "", "wrong"]) {
      const sent = await request(server.url + withToken(`${session}/${segment}`, token), { method: "POST", body: '["forged"]' });
      assert.equal(sent.status, token === undefined ? 401 : 403);
    }
    await request(server.url + withToken(`${session}/${segment}`, TOKEN), { method: "POST", body: '["real"]' });
    assert.equal((await poll()).body, 'a["members only: real"]\n');
  });
}

test("without the secret nobody is let in, not even with an empty token", async (t) => {
  const own = await startServer(t, example("routes"));
  for (const token of [undefined, "", "undefined"]) {
    const answer = await request(own.url + withToken("/members/000/session/xhr", token), { method: "POST" });
    assert.equal(answer.status, 403);
  }
});

function withToken(path, token) {
  if (token === undefined) return path;
  return `${path}${path.includes("?") ? "&" : "?"}token=${encodeURIComponent(token)}`;
}

async function closeOfStockClient(url) {
  const socket = new SockJS(url, null, { transports: "xhr-polling" });
  const { code } = await within(new Promise((resolve) => (socket.onclose = resolve)), "the stock client to give up");
  return code;
}
