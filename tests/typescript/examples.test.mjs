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

const start = async (file, name) => startServer({ after }, await bundled(join(ROOT, "typescript/examples", file), { name }));

for (const [what, file] of [["echo", "echo/index.ts"], ["an echo of sockjs-node", "sockjs-node-echo/index.js"]]) {
  const server = await start(file, file.split("/")[0]);
  for (const transport of ["websocket", "xhr-streaming", "xhr-polling"]) {
    test(`${what}, ${transport}: whatever is sent comes back`, async (t) => {
      const client = await connectStockClient(t, `${server.url}/echo`, transport);
      await exchange(client, nastyMessages(50));
    });
  }
}

const chat = await start("chat/index.ts", "chat");

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
