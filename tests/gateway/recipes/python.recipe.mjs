import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startChromium } from "../../harness/clients/chromium.mjs";
import { connectStockClient } from "../../harness/clients/stock-client.mjs";
import { within } from "../../harness/waiting/wait.mjs";
import { NODE_TRANSPORTS, testEcho, testEchoInPages } from "./echo.mjs";
import { startDeployed } from "./gateway.mjs";
import { startPython } from "./python.mjs";

const NAME = "Python's websockets";
const service = await startDeployed({ after }, await startPython({ after }));

testEcho(NAME, service, 10_000);
testEchoInPages(await startChromium({ after }), NAME, service);

for (const transport of NODE_TRANSPORTS) {
  test(`${NAME} behind the gateway, by ${transport}: the client gets code and reason of a close`, async (t) => {
    const client = await connectStockClient(t, service, transport);
    client.send("close");
    assert.deepEqual(await within(client.closed, "the close"), { code: 4001, reason: "Closed by Python", wasClean: true });
  });
}
