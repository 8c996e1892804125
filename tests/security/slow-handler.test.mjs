// Clients that send faster than the application handles: what waits for it is bounded by inbox_limit.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { openPollingSession } from "../harness/clients/polling-session.mjs";
import { connectStockClient } from "../harness/clients/stock-client.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { within } from "../harness/waiting/wait.mjs";

const LIMIT = 1024;
const vars = { SOCKJS_INBOX_LIMIT: String(LIMIT), SOCKJS_SEND_TIMEOUT: "1000" };
const server = await startServer({ after }, { vars });
/** A handler that is busy for longer than any test. */
const SLEEP = "3600000 a";
/** Two of them are above the limit. */
const HALF = "1 ".padEnd(LIMIT / 2, "b");

test("over HTTP a send that finds too much waiting is held, then refused with 503, and so is one behind it", async () => {
  const session = await openPollingSession(`${server.url}/sleeper`);
  for (const messages of [[SLEEP], [HALF]]) assert.equal((await session.send(messages)).status, 204);
  const refused = await Promise.all([session.send([HALF]), session.send([HALF])]);
  for (const { status, body } of refused) {
    assert.deepEqual([status, body], [503, "The session cannot take messages now.\n"]);
  }
  assert.equal((await session.poll()).body, 'a["begin a"]\n', "what was sent before comes before the close");
  assert.equal((await session.poll()).body, 'c[1013,"Messages come faster than they are handled"]\n');
});

test("empty sends count, too", async () => {
  const session = await openPollingSession(`${server.url}/sleeper`);
  assert.equal((await session.send([SLEEP])).status, 204);
  const answers = await Promise.all(Array.from({ length: 40 }, () => session.send([])));
  const statuses = answers.map(({ status }) => status).sort();
  assert.ok(statuses.filter((status) => status === 204).length >= 12, "as many as fit are taken");
  assert.equal(statuses.at(-1), 503);
});

test("a WebSocket whose messages come faster than they are handled is closed with 1013", async (t) => {
  const socket = await openWebSocket(t, `${server.url}/sleeper/000/${randomUUID()}/websocket`);
  assert.equal(await socket.frames.next("the open frame"), "o");
  socket.send(JSON.stringify([SLEEP]));
  for (const _ of [1, 2, 3]) socket.send(JSON.stringify([HALF]));
  const closed = await within(socket.closed, "the close");
  assert.deepEqual(closed, { code: 1013, reason: "Too many messages wait" });
});

test("the stock client in Node sees 1013 over a WebSocket, although its WebSocket library does not know this code", async (t) => {
  const client = await connectStockClient(t, `${server.url}/sleeper`, "websocket");
  client.send(SLEEP);
  for (const _ of [1, 2, 3]) client.send(HALF);
  const { code, reason } = await within(client.closed, "the close");
  assert.deepEqual([code, reason], [1013, "Too many messages wait"]);
});
