import { test } from "node:test";
import { assertChunks, newSession, openStream, send } from "../client.mjs";
import { assertContentType, assertNotCached } from "../headers.mjs";

async function open(t, session) {
  const stream = await openStream(t, "GET", `${session}/eventsource`);
  await assertChunks(stream, "\r\n", "data: o\r\n\r\n");
  return stream;
}

test("EventSource.test_transport", async (t) => {
  const session = newSession();
  const stream = await open(t, session);
  assertContentType(stream, "text/event-stream");
  assertNotCached(stream);

  await send(session, '["x"]');
  await assertChunks(stream, 'data: a["x"]\r\n\r\n');
  // A line break as it is would end the event.
  await send(session, String.raw`["  \u0000\n\r "]`);
  await assertChunks(stream, String.raw`data: a["  \u0000\n\r "]` + "\r\n\r\n");
});

test("EventSource.test_response_limit", async (t) => {
  const session = newSession();
  const stream = await open(t, session);
  const message = `["${"x".repeat(4096)}"]`;
  await send(session, message);
  await assertChunks(stream, `data: a${message}\r\n\r\n`, null);
});
