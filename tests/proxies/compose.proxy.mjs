// HAProxy with the configuration of cluster/deploy/compose.yaml, without TLS, in front of a cluster of three nodes.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connectStockClient } from "../harness/clients/stock-client.mjs";
import { startCluster } from "../harness/cluster/cluster.mjs";
import { exchange, nastyMessages } from "../harness/messages/exchange.mjs";
import { until } from "../harness/waiting/wait.mjs";
import { testForwarded } from "./forwarded.mjs";
import { fetchAll, open } from "./https.mjs";
import { testOperatorPaths } from "./operator-paths.mjs";
import { startProxy } from "./start.mjs";

const TRANSPORTS = ["websocket", "xhr-streaming", "xhr-polling"];

const cluster = await startCluster({ after });
const { url: proxy } = await startProxy({ after }, "compose", { nodes: cluster.nodes.map(({ url }) => url), idle: "60s" });
const echo = `${proxy}/echo`;

test("compose: /info is served after the first health checks, and still after several", async () => {
  // Without a line for it, HAProxy takes a node for healthy until its second check fails.
  await sleep(4_000);
  await until(async () => (await fetchAll(`${echo}/info`, { method: "GET" })).status === 200, "/info with 200");
});

for (const transport of TRANSPORTS) {
  test(`compose: a session over ${transport}`, async (t) => {
    const client = await connectStockClient(t, echo, transport);
    assert.equal(client.transport, transport);
    await exchange(client, nastyMessages(50));
  });
}

testOperatorPaths("compose", { idle: "60s" });
testForwarded("compose", { idle: "60s" });

test("compose: the node notices at once that the client of a stream left", async () => {
  const stream = `${echo}/000/${randomUUID()}/xhr_streaming`;
  const first = await open(stream);
  await first.reads("o\n");
  first.leave();
  await sleep(500);
  const second = await open(stream);
  // Of a client that it takes for present, it would say c[2010,"Another connection still open"].
  await second.reads("c[1002,");
});
