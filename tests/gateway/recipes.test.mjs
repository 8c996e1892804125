// Servers that exist, behind the gateway, with the stock client in front of it.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { connectStockClient } from "../harness/clients/stock-client.mjs";
import { exchange, nastyMessages } from "../harness/messages/exchange.mjs";
import { startReference } from "../harness/servers/reference.mjs";
import { within } from "../harness/waiting/wait.mjs";
import { startGateway } from "./upstream.mjs";

const reference = await startReference({ after });
/** The raw endpoint of one of its services. */
const rawEndpoint = (name) => ({ address: `${reference.url.replace(/^http/, "ws")}/${name}/websocket` });

for (const transport of ["websocket", "xhr-streaming", "eventsource", "xhr-polling"]) {
  test(`sockjs-node behind the gateway, by ${transport}: 1,000 messages come back in order`, async (t) => {
    const { service } = await startGateway(t, rawEndpoint("echo"));
    await exchange(await connectStockClient(t, service, transport), nastyMessages(1000));
  });

  test(`sockjs-node behind the gateway, by ${transport}: the client learns code and reason of a close`, async (t) => {
    const { service } = await startGateway(t, rawEndpoint("close"));
    const client = await connectStockClient(t, service, transport);
    assert.deepEqual(await within(client.closed, "the close"), { code: 3000, reason: "Go away!", wasClean: true });
  });
}
