// Nodes that end in every way, while the sessions of other nodes' clients go on. Leases last a quarter of their time.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { openRawClient, openWebSocketClient } from "../harness/clients/websocket-client.mjs";
import { PersistentClient } from "../harness/clients/persistent-client.mjs";
import { Session } from "../harness/clients/session.mjs";
import { startCluster } from "../harness/cluster/cluster.mjs";
import { despiteCrashes } from "../harness/cluster/crash.mjs";
import { TRANSPORTS } from "../harness/protocol/transports.mjs";
import { until, within } from "../harness/waiting/wait.mjs";

const LONG_MS = 60_000;

async function openClient(t, service, segment) {
  const client = new PersistentClient(t, service, segment);
  await client.open();
  return client;
}

/** Opens a session over each HTTP transport at `node`. */
async function openAll(t, cluster, node) {
  const service = cluster.service("/echo", node);
  return Promise.all(Object.keys(TRANSPORTS).map((segment) => openClient(t, service, segment)));
}

async function echoes(client, message) {
  assert.equal(await client.send(message), 204, message);
  await client.readsMessage(message, LONG_MS);
}

describe("a node that is drained", { concurrency: true }, async () => {
  const cluster = await startCluster({ after }, { count: 2 });
  const [node, other] = cluster.nodes;

  test("lets go of its clients, whose sessions go on at another node", async (t) => {
    const clients = await openAll(t, cluster, cluster.balancer);
    const held = await openWebSocketClient(t, { service: cluster.service("/echo", node) });
    const raw = await openRawClient(t, { service: cluster.service("/echo", node) });
    for (const client of clients) await echoes(client, "before");
    await Promise.all(clients.map((client) => client.attached()));
    cluster.balance([other]);
    assert.ok((await node.drain()) >= 2);
    for (const closed of [held.closed, raw.closed]) {
      assert.deepEqual(await within(closed, "the close"), { code: 1012, reason: "the server restarts" });
    }
    assert.deepEqual(held.frames, ["o", 'c[1012,"the server restarts"]']);
    assert.equal((await fetch(`${node.url}/ready`)).status, 503);
    for (const client of clients) {
      await echoes(client, "after");
      assert.equal(client.cuts, 0);
      assert.deepEqual(client.frames.filter((frame) => frame !== "h"), ["o"]);
    }
    await node.terminate();
    for (const client of clients) await echoes(client, "the end");
  });
});

test("a node that is drained while the owner of its clients' objects is gone lets go of them, too", despiteCrashes(async (t) => {
  const cluster = await startCluster(t, { count: 3, vars: { SOCKJS_PLACEMENT: "session" } });
  const [node, owner, other] = cluster.nodes;
  cluster.balance([node]);
  const open = async (segment) => {
    const session = new Session(t, cluster.service("/echo", owner), "xhr");
    assert.equal(await session.next(), "o");
    const client = new PersistentClient(t, cluster.service("/echo"), segment, session.id);
    client.readOn();
    await client.attached();
    return client;
  };
  const clients = await Promise.all(Object.keys(TRANSPORTS).map(open));
  await owner.kill();
  cluster.balance([other]);
  const before = clients.map(({ responses }) => responses);
  await node.drain();
  await until(() => clients.every(({ responses }, at) => responses > before[at]), "all to be let go", LONG_MS);
  await node.terminate();
  for (const client of clients) {
    await echoes(client, "after");
    assert.equal(client.cuts, 0);
  }
}));

for (const how of ["terminate", "kill"]) {
  test(`${how} of the owner is a pause for the clients of other nodes`, despiteCrashes(async (t) => {
    // One object has all sessions.
    const cluster = await startCluster(t, { count: 2, vars: { SOCKJS_PLACEMENT: "room" } });
    const [owner, holder] = cluster.nodes;
    // The first request claims the object.
    const first = await openClient(t, cluster.service("/echo", owner), "xhr");
    const clients = await openAll(t, cluster, holder);
    first.leave();
    const held = await openWebSocketClient(t, { service: cluster.service("/echo", holder) });
    for (const client of clients) await echoes(client, "before");
    const [before] = await cluster.owners();
    await owner[how]();
    held.send("after");
    await Promise.all(clients.map((client) => echoes(client, "after")));
    await held.readsMessage("after", LONG_MS);
    for (const client of clients) {
      assert.equal(client.cuts, 0);
      assert.deepEqual(client.frames.filter((frame) => frame !== "h"), ["o"]);
    }
    assert.deepEqual(held.frames, ["o"]);
    const [now, ...others] = await cluster.owners();
    assert.notEqual(now, before);
    assert.deepEqual(others, []);
  }));
}
