import assert from "node:assert/strict";
import { test } from "node:test";
import { get } from "../client.mjs";
import { assertCachedForLong, assertContentType, assertNoCookie } from "../headers.mjs";

const page = (script) => `<!DOCTYPE html>
<html>
<head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
  <script src="${script}"></script>
  <script>
    document.domain = document.domain;
    SockJS.bootstrap_iframe();
  </script>
</head>
<body>
  <h2>Don't panic!</h2>
  <p>This is a SockJS hidden iframe. It's used for cross domain magic.</p>
</body>
</html>`;

async function assertPage(path) {
  const response = await get(path);
  assert.equal(response.status, 200, path);
  assertContentType(response, "text/html;charset=UTF-8");
  assertCachedForLong(response);
  assert.ok(response.headers.etag, "ETag");
  assert.equal(response.headers["last-modified"], undefined, "Last-Modified");
  assertNoCookie(response);

  const [, script] = /<script src="([^"]*)"/.exec(response.body) ?? [];
  assert.equal(response.body.trim(), page(script));
  assert.match(script, /^(\/|http)/);
  return response;
}

test("IframePage.test_simpleUrl", () => assertPage("/echo/iframe.html"));

test("IframePage.test_versionedUrl", async () => {
  for (const version of ["a", "", "0.1.2", "0.1.2abc-dirty.2144"]) await assertPage(`/echo/iframe-${version}.html`);
});

test("IframePage.test_queriedUrl", async () => {
  for (const version of ["a", "", "0.1.2"]) await assertPage(`/echo/iframe-${version}.html?t=1234.5`);
  await assertPage("/echo/iframe.html?t=qweqweq123");
});

test("IframePage.test_invalidUrl", async () => {
  for (const name of ["iframe.htm", "iframe", "IFRAME.HTML", "IFRAME", "iframe.HTML", "iframe.xml", "iframe-/.html"]) {
    assert.equal((await get(`/echo/${name}`)).status, 404, name);
  }
});

test("IframePage.test_cacheability", async () => {
  const { etag } = (await assertPage("/echo/iframe.html")).headers;
  assert.equal((await assertPage("/echo/iframe.html")).headers.etag, etag);
  const unchanged = await get("/echo/iframe.html", { "If-None-Match": etag });
  assert.equal(unchanged.status, 304);
  assert.equal(unchanged.headers["content-type"], undefined);
  assert.equal(unchanged.body, "");
});
