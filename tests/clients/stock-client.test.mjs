import assert from "node:assert/strict";
import { after, test } from "node:test";
import { connectStockClient } from "../harness/clients/stock-client.mjs";
import { exchange, nastyMessages } from "../harness/messages/exchange.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { within } from "../harness/waiting/wait.mjs";

const server = await startServer({ after });

for (const transport of ["websocket", "xhr-streaming", "eventsource", "xhr-polling"]) {
  test(`stock client, ${transport}: 1,000 messages come back in order, none lost, doubled or changed`, async (t) => {
    const client = await connectStockClient(t, `${server.url}/echo`, transport);
    assert.equal(client.transport, transport);
    await exchange(client, nastyMessages(1000));
  });

  test(`stock client, ${transport}: it takes the query of its URL along`, async (t) => {
    const client = await connectStockClient(t, `${server.url}/echo?token=a%26b`, transport);
    await exchange(client, nastyMessages(50));
  });

  test(`stock client, ${transport}: it learns code and reason when the server closes`, async (t) => {
    const client = await connectStockClient(t, `${server.url}/close`, transport);
    const closed = await within(client.closed, "the close");
    assert.deepEqual(closed, { code: 3000, reason: "Go away!", wasClean: true });
  });
}
