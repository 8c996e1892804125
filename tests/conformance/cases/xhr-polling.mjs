import assert from "node:assert/strict";
import { test } from "node:test";
import { assertAnswer, call, newSession, openSession, post, send } from "../client.mjs";
import { assertContentType, assertCors, assertNotCached, assertPreflight } from "../headers.mjs";

test("XhrPolling.test_options", async () => {
  for (const transport of ["xhr", "xhr_send"]) await assertPreflight(`/echo/abc/abc/${transport}`, "OPTIONS", "POST");
});

test("XhrPolling.test_transport", async () => {
  const session = newSession();
  const origin = { Origin: "test" };
  const opened = await post(`${session}/xhr`, undefined, origin);
  assertAnswer(opened, 200, "o\n");
  assertContentType(opened, "application/javascript;charset=UTF-8");
  assertCors(opened, "test");
  assertNotCached(opened);

  const sent = await post(`${session}/xhr_send`, '["x"]', origin);
  assertAnswer(sent, 204, "");
  assertContentType(sent, "text/plain;charset=UTF-8"); // though there is no text
  assertCors(sent, "test");
  assertNotCached(sent);

  assertAnswer(await post(`${session}/xhr`, undefined, origin), 200, 'a["x"]\n');
});

test("XhrPolling.test_invalid_session", async () => {
  assert.equal((await post(`${newSession()}/xhr_send`, '["x"]')).status, 404);
});

test("XhrPolling.test_invalid_json", async () => {
  const session = newSession();
  await openSession(session);
  for (const [body, complaint] of [
    ['["x', "Broken JSON encoding."],
    ["", "Payload expected."],
  ]) {
    const refused = await post(`${session}/xhr_send`, body);
    assert.equal(refused.status, 500);
    assert.ok(refused.body.includes(complaint), refused.body);
  }
  await send(session, '["a"]');
  assertAnswer(await post(`${session}/xhr`), 200, 'a["a"]\n');
});

test("XhrPolling.test_content_types", async () => {
  const session = newSession();
  await openSession(session);
  const plain = ["text/plain", "T", "application/json", "application/xml", ""];
  const types = [...plain, "application/json; charset=utf-8", "text/xml; charset=utf-8", "text/xml"];
  for (const [index, type] of types.entries()) {
    const sent = await post(`${session}/xhr_send`, `["${index}"]`, { "Content-Type": type });
    assert.equal(sent.status, 204, `Content-Type: ${type}`);
  }
  assertAnswer(await post(`${session}/xhr`), 200, 'a["0","1","2","3","4","5","6","7"]\n');
});

test("XhrPolling.test_request_headers_cors", async () => {
  for (const [asked, allowed] of [
    [{ "Access-Control-Request-Headers": "a, b, c" }, "a, b, c"],
    [{ "Access-Control-Request-Headers": "" }, undefined],
    [{}, undefined],
  ]) {
    for (const method of ["POST", "OPTIONS"]) {
      const response = await call(`${newSession()}/xhr`, { method, headers: { Origin: "test", ...asked } });
      assertCors(response, "test");
      assert.equal(response.headers["access-control-allow-headers"], allowed, `${method} with ${JSON.stringify(asked)}`);
    }
  }
});

test("XhrPolling.test_sending_empty_frame", async () => {
  const session = newSession();
  await openSession(session);
  await send(session, "[]");
  await send(session, '["a"]');
  assertAnswer(await post(`${session}/xhr`), 200, 'a["a"]\n');
});
