// The examples in TypeScript, with the stock client. That of websocket-multiplex is in tests/examples/multiplex.test.mjs.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { join } from "node:path";
import { connectStockClient } from "../harness/clients/stock-client.mjs";
import { request } from "../harness/clients/http.mjs";
import { exchange, nastyMessages } from "../harness/messages/exchange.mjs";
import { bundled } from "../harness/servers/bundled.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { ROOT } from "../../scripts/tools.mjs";

const PUSH_TOKEN = "a secret of at least thirty-two characters";
const start = async (file, name, vars) => startServer({ after }, { ...(await bundled(join(ROOT, "typescript/examples", file), { name })), vars });

const echoes = {
  echo: await start("echo/src/index.ts", "echo"),
  "an echo of sockjs-node": await start("sockjs-node-echo/src/index.js", "sockjs-node-echo"),
};
const chat = await start("chat/src/index.ts", "chat");
const vars = { SOCKJS_TICKET_KEYS: "a key of at least thirty-two characters", USERS: "ada:secret,bob:another", PUSH_TOKEN };
const tickets = await start("tickets/src/index.ts", "tickets", vars);

for (const [what, server] of Object.entries(echoes)) {
  for (const transport of ["websocket", "xhr-streaming", "xhr-polling"]) {
    test(`${what}, ${transport}: whatever is sent comes back`, async (t) => {
      const client = await connectStockClient(t, `${server.url}/echo`, transport);
      await exchange(client, nastyMessages(50));
    });
  }
}

test("chat: members hear each other, whisper, and a route says who is there", async (t) => {
  const enter = (name) => connectStockClient(t, `${chat.url}/chat/lobby?name=${name}`, "websocket");
  const ann = await enter("ann");
  assert.equal(await ann.messages.next(), "ann came: ann");
  const bob = await enter("bob");
  for (const { messages } of [ann, bob]) assert.equal(await messages.next(), "bob came: ann, bob");
  bob.send("/listen bob");
  bob.send("hello");
  for (const { messages } of [ann, bob]) assert.equal(await messages.next(), "bob: hello");
  ann.send("@bob a secret");
  assert.equal(await bob.messages.next(), "ann whispers: a secret");
  assert.deepEqual(JSON.parse((await request(`${chat.url}/present/lobby`)).body), ["ann", "bob"]);
  bob.close();
  assert.equal(await ann.messages.next(), "bob left: ann");
});

test("tickets: who shows a token is known on every transport, and a program with a token pushes", async (t) => {
  const room = `${tickets.url}/members/lobby`;
  const { status, body } = await request(`${room}/info?token=wrong`);
  assert.deepEqual([status, body], [401, "a token is needed"]);
  assert.equal((await request(`${room}/000/stranger/xhr?token=secret`, { method: "POST" })).status, 403, "a token is no ticket");
  const ada = await connectStockClient(t, `${room}?token=secret`, "websocket");
  const bob = await connectStockClient(t, `${room}?token=another`, "xhr-polling");
  bob.send("hello");
  for (const { messages } of [ada, bob]) assert.equal(await messages.next(), "bob: hello");

  const push = (token) => {
    const headers = { Authorization: `Bearer ${token}` };
    return request(`${tickets.url}/push`, { method: "POST", headers, body: JSON.stringify({ room: "/members/lobby", message: "from outside" }) });
  };
  assert.equal((await push("another secret of at least thirty-two characters")).status, 401);
  assert.equal((await push(PUSH_TOKEN)).body, '{"connections":2}');
  for (const { messages } of [ada, bob]) assert.equal(await messages.next(), "from outside");
});
