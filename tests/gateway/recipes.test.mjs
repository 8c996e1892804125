// Servers that exist, behind the gateway, with the stock client in front of it. `npm run gateway` has the long forms.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { connectStockClient } from "../harness/clients/stock-client.mjs";
import { startReference } from "../harness/servers/reference.mjs";
import { within } from "../harness/waiting/wait.mjs";
import { NODE_TRANSPORTS, testEcho } from "./recipes/echo.mjs";
import { startGateway, startUpstream } from "./upstream.mjs";

const COUNT = 1_000;

const gateway = await startGateway({ after }, await startUpstream({ after }));
const reference = await startReference({ after });
/** The raw endpoint of one of its services. */
const rawEndpoint = (name) => ({ address: `${reference.url.replace(/^http/, "ws")}/${name}/websocket` });
const gatewayOfReference = await startGateway({ after }, rawEndpoint("echo"));

testEcho("ws", gateway.service, COUNT);
testEcho("sockjs-node", gatewayOfReference.service, COUNT);

for (const transport of NODE_TRANSPORTS) {
  test(`sockjs-node behind the gateway, by ${transport}: the client learns code and reason of a close`, async (t) => {
    const { service } = await startGateway(t, rawEndpoint("close"));
    const client = await connectStockClient(t, service, transport);
    assert.deepEqual(await within(client.closed, "the close"), { code: 3000, reason: "Go away!", wasClean: true });
  });
}
