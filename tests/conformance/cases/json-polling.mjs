import assert from "node:assert/strict";
import { test } from "node:test";
import { assertCallbackInvalid, assertCallbackRequired } from "../callbacks.mjs";
import { assertAnswer, get, newSession, post } from "../client.mjs";
import { assertContentType, assertNotCached } from "../headers.mjs";

const FORM = "application/x-www-form-urlencoded";
const frame = (text) => `/**/callback(${JSON.stringify(text)});\r\n`;

const poll = (session) => get(`${session}/jsonp?c=%63allback`);
const sendForm = (session, body) => post(`${session}/jsonp_send`, body, { "Content-Type": FORM });

async function openSession(service) {
  const session = newSession(service);
  assertAnswer(await poll(session), 200, frame("o"));
  return session;
}

test("JsonPolling.test_transport", async () => {
  const session = newSession();
  const opened = await poll(session);
  assertAnswer(opened, 200, frame("o"));
  assertContentType(opened, "application/javascript;charset=UTF-8");
  assertNotCached(opened);

  const sent = await sendForm(session, "d=%5B%22x%22%5D");
  assertAnswer(sent, 200, "ok");
  assertContentType(sent, "text/plain;charset=UTF-8");
  assertNotCached(sent);

  const received = await poll(session);
  assertAnswer(received, 200, frame('a["x"]'));
  assertContentType(received, "application/javascript;charset=UTF-8");
  assertNotCached(received);
});

test("JsonPolling.test_no_callback", () => assertCallbackRequired("jsonp"));

test("JsonPolling.test_invalid_callback", () => assertCallbackInvalid("jsonp"));

test("JsonPolling.test_invalid_json", async () => {
  const session = await openSession();
  for (const [form, complaint] of [
    ["d=%5B%22x", "Broken JSON encoding."],
    ["", "Payload expected."],
    ["d=", "Payload expected."],
    ["p=p", "Payload expected."],
  ]) {
    const refused = await sendForm(session, form);
    assert.equal(refused.status, 500, form);
    assert.ok(refused.body.includes(complaint), `${form}: ${refused.body}`);
  }
  assertAnswer(await sendForm(session, "d=%5B%22b%22%5D"), 200, "ok");
  assertAnswer(await poll(session), 200, frame('a["b"]'));
});

test("JsonPolling.test_content_types", async () => {
  const session = await openSession();
  assertAnswer(await sendForm(session, "d=%5B%22abc%22%5D"), 200, "ok");
  // This is no form: nothing in it is decoded.
  assertAnswer(await post(`${session}/jsonp_send`, '["%61bc"]', { "Content-Type": "text/plain" }), 200, "ok");
  assertAnswer(await poll(session), 200, frame('a["abc","%61bc"]'));
});

test("JsonPolling.test_close", async () => {
  const session = await openSession("close");
  for (const _ of [2, 3]) assertAnswer(await poll(session), 200, frame('c[3000,"Go away!"]'));
});

test("JsonPolling.test_sending_empty_frame", async () => {
  const session = await openSession();
  assertAnswer(await sendForm(session, "d=%5B%5D"), 200, "ok");
  assertAnswer(await sendForm(session, "d=%5B%22x%22%5D"), 200, "ok");
  assertAnswer(await poll(session), 200, frame('a["x"]'));
});
