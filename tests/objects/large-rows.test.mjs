// Messages that are larger, as JSON, than a row of the object's database may be.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openPollingSession } from "../harness/clients/polling-session.mjs";
import { startServer } from "../harness/servers/server.mjs";

/** It takes 2.4 MB with its escapes. */
const LARGE = "\u0001".repeat(400_000);

test("a message that is too large for a row comes after a kill -9, once and in order with those around it", async (t) => {
  const server = await startServer(t, { vars: { SOCKJS_DURABILITY: "outbox", SOCKJS_QUEUE_LIMIT: "4194304" } });
  const session = await openPollingSession(`${server.url}/echo`);
  const messages = ["before", LARGE, "between", `${LARGE}é`, "after"];
  for (const message of messages) assert.equal((await session.send([message])).status, 204);
  const came = [];
  while (came.length < messages.length) {
    await server.kill();
    await server.start();
    const { status, body } = await session.poll();
    assert.equal(status, 200);
    came.push(...JSON.parse(body.slice(1)));
  }
  assert.deepEqual(came, messages);
  assert.equal((await session.send(["the end"])).status, 204);
  assert.equal((await session.poll()).body, 'a["the end"]\n');
});
