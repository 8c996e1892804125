import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { assertAnswer, get, openSession, post, send } from "../client.mjs";

test("SessionURLs.test_anyValue", async () => {
  const unused = randomUUID();
  for (const path of ["/a/a", "/_/_", "/1/", "/abcdefgh_i-j%20/abcdefg_i-j%20"]) await openSession(`/echo${path}${unused}`);
});

test("SessionURLs.test_invalidPaths", async () => {
  for (const suffix of ["//", "/a./a", "/a/a.", "/./.", "/", "///"]) {
    const path = `/echo${suffix}/xhr`;
    assert.equal((await get(path)).status, 404, `GET ${path}`);
    assert.equal((await post(path)).status, 404, `POST ${path}`);
  }
});

test("SessionURLs.test_ignoringServerId", async () => {
  const id = randomUUID();
  await openSession(`/echo/000/${id}`);
  await send(`/echo/000/${id}`, '["a"]');
  assertAnswer(await post(`/echo/999/${id}/xhr`), 200, 'a["a"]\n');
});
