// The status of a send over jsonp never reaches the client's code: why its session ended, its poll has to tell.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { LazySession } from "../harness/clients/lazy-session.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { within } from "../harness/waiting/wait.mjs";

const BODY_LIMIT = 64 << 10;
const vars = { SOCKJS_BODY_LIMIT: String(BODY_LIMIT), SOCKJS_MESSAGE_LIMIT: String(BODY_LIMIT / 2) };
const server = await startServer({ after }, { vars });
const TOO_LARGE = JSON.stringify(Array(100).fill("x".repeat(1 << 10)));

test("jsonp: a poll that waits is answered with why a send was refused", async (t) => {
  const session = new LazySession(t, `${server.url}/echo`, "jsonp");
  const frames = await session.open();
  const messages = [];
  const closed = session.receive(frames, (message) => messages.push(message));
  assert.ok((await session.send('["small"]')).isTaken);
  assert.deepEqual(await session.send(TOO_LARGE), { isTaken: false, status: 413 });
  assertTooLarge(await within(closed, "a close frame"));
  assert.deepEqual(messages, ["small"]);
});

test("jsonp: so is the next poll, after what came before", async (t) => {
  const session = new LazySession(t, `${server.url}/echo`, "jsonp");
  const frames = await session.open();
  assert.ok((await session.send('["small"]')).isTaken);
  assert.deepEqual(await session.send(TOO_LARGE), { isTaken: false, status: 413 });
  const messages = [];
  assertTooLarge(await within(session.receive(frames, (message) => messages.push(message)), "a close frame"));
  assert.deepEqual(messages, ["small"]);
});

function assertTooLarge([code, reason]) {
  assert.equal(code, 1009);
  assert.match(reason, new RegExp(`${BODY_LIMIT}`), "the limit is named");
}
