import assert from "node:assert/strict";
import { test } from "node:test";
import { htmlfilePrelude } from "../../harness/protocol/preludes.mjs";
import { assertCallbackInvalid, assertCallbackRequired } from "../callbacks.mjs";
import { assertChunks, newSession, openStream, send } from "../client.mjs";
import { assertContentType, assertNotCached } from "../headers.mjs";

const frame = (text) => `<script>\np(${JSON.stringify(text)});\n</script>\r\n`;

async function open(t, session) {
  const stream = await openStream(t, "GET", `${session}/htmlfile?c=%63allback`);
  const prelude = await stream.chunk();
  assert.equal(prelude.trim(), htmlfilePrelude("callback"));
  assert.ok(prelude.length > 1024, `a prelude of ${prelude.length} bytes`);
  await assertChunks(stream, frame("o"));
  return stream;
}

test("HtmlFile.test_transport", async (t) => {
  const session = newSession();
  const stream = await open(t, session);
  assertContentType(stream, "text/html;charset=UTF-8");
  assertNotCached(stream);
  await send(session, '["x"]');
  await assertChunks(stream, frame('a["x"]'));
});

test("HtmlFile.test_no_callback", () => assertCallbackRequired("htmlfile"));

test("HtmlFile.test_invalid_callback", () => assertCallbackInvalid("htmlfile"));

test("HtmlFile.test_response_limit", async (t) => {
  const session = newSession();
  const stream = await open(t, session);
  const message = `["${"x".repeat(4096)}"]`;
  await send(session, message);
  await assertChunks(stream, frame(`a${message}`), null);
});
