import assert from "node:assert/strict";
import { test } from "node:test";
import { assertAnswer, get } from "../client.mjs";
import { assertContentType, assertNoCookie } from "../headers.mjs";

test("BaseUrlGreeting.test_greeting", async () => {
  for (const path of ["/echo", "/echo/"]) {
    const response = await get(path);
    assertAnswer(response, 200, "Welcome to SockJS!\n");
    assertContentType(response, "text/plain;charset=UTF-8");
    assertNoCookie(response);
  }
});

test("BaseUrlGreeting.test_notFound", async () => {
  for (const suffix of ["/a", "/a.html", "//", "///", "/a/a", "/a/a/", "/a", "/a/"]) {
    assert.equal((await get(`/echo${suffix}`)).status, 404, `/echo${suffix}`);
  }
});
