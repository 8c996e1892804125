import { test } from "node:test";
import { XHR_PRELUDE } from "../../harness/protocol/preludes.mjs";
import { assertChunks, newSession, openStream, send } from "../client.mjs";
import { assertContentType, assertCors, assertNotCached, assertPreflight } from "../headers.mjs";

test("XhrStreaming.test_options", () => assertPreflight("/echo/abc/abc/xhr_streaming", "OPTIONS", "POST"));

test("XhrStreaming.test_transport", async (t) => {
  const session = newSession();
  const stream = await openStream(t, "POST", `${session}/xhr_streaming`, { Origin: "test" });
  assertContentType(stream, "application/javascript;charset=UTF-8");
  assertCors(stream, "test");
  assertNotCached(stream);

  await assertChunks(stream, XHR_PRELUDE, "o\n");
  await send(session, '["x"]');
  await assertChunks(stream, 'a["x"]\n');
});

// The limit of /echo is 4096 bytes: the open frame and 31 frames of 134 bytes are the first to reach it.
test("XhrStreaming.test_response_limit", async (t) => {
  const session = newSession();
  const stream = await openStream(t, "POST", `${session}/xhr_streaming`);
  await assertChunks(stream, XHR_PRELUDE, "o\n");
  const message = `["${"x".repeat(128)}"]`;
  for (let count = 0; count < 31; count += 1) {
    await send(session, message);
    await assertChunks(stream, `a${message}\n`);
  }
  await assertChunks(stream, null);
});
