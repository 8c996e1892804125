// The stock client, in Node and in Chromium, through a balancer without stickiness, while a node is drained, stopped and started again.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startChromium } from "../harness/clients/chromium.mjs";
import { connectStockClient } from "../harness/clients/stock-client.mjs";
import { startCluster } from "../harness/cluster/cluster.mjs";
import { connectInPage } from "../harness/pages/page-socket.mjs";
import { openPage } from "../harness/pages/pages.mjs";
import { within } from "../harness/waiting/wait.mjs";

const IN_NODE = ["xhr-streaming", "eventsource", "xhr-polling"];
const IN_PAGES = [...IN_NODE, "jsonp-polling"];
/** A send waits for a takeover. */
const LONG_MS = 60_000;
const DRAIN_MS = 1_000;

const cluster = await startCluster({ after });
const browser = await startChromium({ after });
const echo = cluster.service("/echo");

const openInPage = async (t, transport) => connectInPage(await openPage(t, browser, { url: echo, service: echo }), echo, transport);

test("sessions go on, and WebSockets are closed with 1012 and open again", async (t) => {
  const sessions = await Promise.all([
    ...IN_NODE.map((transport) => connectStockClient(t, echo, transport)),
    ...IN_PAGES.map((transport) => openInPage(t, transport)),
  ]);
  const openWebSockets = () => Promise.all([connectStockClient(t, echo, "websocket"), openInPage(t, "websocket")]);

  for (const node of cluster.nodes) {
    // All of them at the node that stops.
    cluster.balance([node]);
    const sockets = await openWebSockets();
    cluster.balance(cluster.nodes.filter((other) => other !== node));
    await node.drain();
    const ends = await Promise.all(sockets.map(({ closed }) => within(closed, "the close of a WebSocket")));
    assert.deepEqual(ends.map(({ code }) => code), [1012, 1012]);
    await sleep(DRAIN_MS);
    await node.terminate();
    for (const [at, client] of sessions.entries()) {
      client.send(`${node.name}: ${at}`);
      assert.equal(await client.messages.next("the echo", LONG_MS), `${node.name}: ${at}`);
    }
    for (const client of await openWebSockets()) {
      client.send("again");
      assert.equal(await client.messages.next("the echo", LONG_MS), "again");
      client.close();
    }
    await node.start();
    cluster.balance(cluster.nodes);
  }
});
