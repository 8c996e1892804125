import assert from "node:assert/strict";
import { test } from "node:test";
import { call, get } from "../client.mjs";
import { assertContentType, assertCors, assertNoCookie, assertNotCached, assertPreflight } from "../headers.mjs";

const info = async (service) => JSON.parse((await get(`/${service}/info`)).body);

test("InfoTest.test_basic", async () => {
  const response = await get("/echo/info", { Origin: "test" });
  assert.equal(response.status, 200);
  assertContentType(response, "application/json;charset=UTF-8");
  assertNoCookie(response);
  assertNotCached(response);
  assertCors(response, "test");

  const { websocket, cookie_needed, origins, entropy } = JSON.parse(response.body);
  assert.equal(websocket, true);
  assert.equal(typeof cookie_needed, "boolean");
  assert.deepEqual(origins, ["*:*"]);
  assert.ok(Number.isSafeInteger(entropy), `entropy ${entropy}`);
});

test("InfoTest.test_entropy", async () => {
  const [one, other] = [await info("echo"), await info("echo")];
  for (const { entropy } of [one, other]) assert.ok(Number.isSafeInteger(entropy), `entropy ${entropy}`);
  assert.ok(one.entropy !== other.entropy, `twice the entropy ${one.entropy}`);
});

test("InfoTest.test_options", () => assertPreflight("/echo/info", "OPTIONS", "GET"));

test("InfoTest.test_options_null_origin", async () => {
  const response = await call("/echo/info", { method: "OPTIONS", headers: { Origin: "null" } });
  assert.ok([200, 204].includes(response.status), `status ${response.status}`);
  assert.equal(response.body, "");
  assert.equal(response.headers["access-control-allow-origin"], "null");
});

test("InfoTest.test_disabled_websocket", async () => {
  assert.equal((await info("disabled_websocket_echo")).websocket, false);
});
