import assert from "node:assert/strict";
import { test } from "node:test";
import { assertAnswer, get, newSession, openStream, post } from "../client.mjs";
import { assertNoCookie } from "../headers.mjs";

const SERVICE = "cookie_needed_echo";

/** The cookie that a request brings, and the one that the response sets. */
const COOKIES = [
  [{}, "JSESSIONID=dummy; path=/"],
  [{ Cookie: "JSESSIONID=abcdef" }, "JSESSIONID=abcdef; path=/"],
];

function assertCookie({ headers }, expected) {
  assert.equal(headers["set-cookie"], expected, "Set-Cookie");
}

test("JsessionidCookie.test_basic", async () => {
  const response = await get(`/${SERVICE}/info`);
  assert.equal(response.status, 200);
  assert.equal(JSON.parse(response.body).cookie_needed, true);
  assertNoCookie(response);
});

test("JsessionidCookie.test_xhr", async () => {
  for (const [headers, expected] of COOKIES) {
    const session = newSession(SERVICE);
    const opened = await post(`${session}/xhr`, undefined, headers);
    assertAnswer(opened, 200, "o\n");
    assertCookie(opened, expected);
    assertCookie(await post(`${session}/xhr_send`, '["x"]', headers), expected);
  }
});

for (const [name, method, request] of [
  ["xhr_streaming", "POST", "xhr_streaming"],
  ["eventsource", "GET", "eventsource"],
  ["htmlfile", "GET", "htmlfile?c=%63allback"],
]) {
  test(`JsessionidCookie.test_${name}`, async (t) => {
    for (const [headers, expected] of COOKIES) {
      assertCookie(await openStream(t, method, `${newSession(SERVICE)}/${request}`, headers), expected);
    }
  });
}

test("JsessionidCookie.test_jsonp", async () => {
  for (const [headers, expected] of COOKIES) {
    const session = newSession(SERVICE);
    const opened = await get(`${session}/jsonp?c=%63allback`, headers);
    assertAnswer(opened, 200, '/**/callback("o");\r\n');
    assertCookie(opened, expected);
    const form = { "Content-Type": "application/x-www-form-urlencoded" };
    const sent = await post(`${session}/jsonp_send`, "d=%5B%22x%22%5D", { ...form, ...headers });
    assertAnswer(sent, 200, "ok");
    assertCookie(sent, expected);
  }
});
