// The runtime may evict an object at any moment, and keeps or loses its sockets.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { askInstance, instanceConnections } from "../harness/clients/instance.mjs";
import { startMiniflare } from "../harness/servers/miniflare.mjs";

const server = await startMiniflare({ after }, { vars: { SOCKJS_HEARTBEAT_DELAY: "1000" } });

for (const [kind, connect] of Object.entries(instanceConnections)) {
  test(`${kind}: the connection of an object that left memory goes on`, async (t) => {
    const connection = await connect(t, server);
    const before = await askInstance(connection);
    await server.evict(connection.object, "hibernate");
    assert.notEqual(await askInstance(connection), before);
  });

  test(`${kind}: an object that left memory comes back for its heartbeats`, async (t) => {
    const connection = await connect(t, server);
    const before = await askInstance(connection);
    await server.evict(connection.object, "hibernate");
    for (const _ of [1, 2]) assert.equal(await connection.next(), "h");
    assert.notEqual(await askInstance(connection), before);
  });
}

test("xhr-polling: a poll goes on when the object lost the sockets that led to it", async (t) => {
  const connection = await instanceConnections["xhr-polling"](t, server);
  const before = await askInstance(connection);
  await server.evict(connection.object, "close");
  assert.notEqual(await askInstance(connection), before);
});
