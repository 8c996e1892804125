// Messages and bodies that are just as large as they may be. What is larger is refused: tests/wire/bad-input.test.mjs.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { start } from "../harness/clients/http.mjs";
import { Session } from "../harness/clients/session.mjs";
import { TRANSPORTS } from "../harness/protocol/transports.mjs";
import { startServer } from "../harness/servers/server.mjs";

const KIB = 1024;
const MESSAGE_LIMIT = 512 * KIB;
const BODY_LIMIT = 8 * 1024 * KIB;
const LARGEST = { "one byte": "x".repeat(MESSAGE_LIMIT), "two bytes": "é".repeat(MESSAGE_LIMIT / 2) };

const server = await startServer({ after });
const echo = `${server.url}/echo`;

for (const segment of Object.keys(TRANSPORTS)) {
  for (const [width, message] of Object.entries(LARGEST)) {
    test(`${segment}: the largest message, characters of ${width}, comes back whole`, async (t) => {
      const session = new Session(t, echo, segment);
      assert.equal(await session.next(), "o");
      const waiting = await session.receiver();
      await session.send(message);
      const frame = await waiting.frame();
      assert.ok(frame === `a["${message}"]`, `${frame.length} characters`);
      assert.equal(await waiting.chunk(), null); // of a stream that is longer than it may be, too
      await session.send("after it");
      assert.equal(await new Session(t, echo, segment, session.id).next(), 'a["after it"]');
    });
  }
}

test("a body of 8 MiB is taken, whether it says its length or not", async (t) => {
  const session = new Session(t, echo, "xhr");
  assert.equal(await session.next(), "o");
  const body = '["a"]'.padEnd(BODY_LIMIT);
  assert.equal((await session.post("xhr_send", body)).status, 204);
  const send = await start(`${session.url}/xhr_send`, { method: "POST", headers: { "Transfer-Encoding": "chunked" } });
  t.after(() => send.close());
  send.write(`${BODY_LIMIT.toString(16)}\r\n${body}\r\n0\r\n\r\n`);
  assert.equal((await send.head()).status, 204);
  assert.equal(await session.next(), 'a["a","a"]');
});
