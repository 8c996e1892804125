// Behind `wrangler dev`'s proxy, where a developer first meets the project.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { connectStockClient } from "../harness/clients/stock-client.mjs";
import { exchange, nastyMessages } from "../harness/messages/exchange.mjs";
import { startDev } from "../harness/servers/dev.mjs";
import { within } from "../harness/waiting/wait.mjs";

const dev = await startDev({ after });

for (const transport of ["websocket", "xhr-streaming", "eventsource", "xhr-polling"]) {
  test(`npm start, stock client, ${transport}: messages come back`, async (t) => {
    const client = await connectStockClient(t, `${dev.url}/echo`, transport);
    await exchange(client, nastyMessages(100));
  });

  test(`npm start, stock client, ${transport}: messages come back through the gateway, from the upstream that it starts`, async (t) => {
    const client = await connectStockClient(t, `${dev.url}/sockjs`, transport);
    await exchange(client, nastyMessages(100));
  });

  test(`npm start, stock client, ${transport}: it learns code and reason when the server closes`, async (t) => {
    const client = await connectStockClient(t, `${dev.url}/close`, transport);
    const closed = await within(client.closed, "the close");
    assert.deepEqual(closed, { code: 3000, reason: "Go away!", wasClean: true });
  });
}
