import assert from "node:assert/strict";
import { test } from "node:test";
import { get, post } from "../client.mjs";

const PATH = "/echo/0/0/websocket";

test("WebsocketHttpErrors.test_httpMethod", async () => {
  assert.equal((await get(PATH)).status, 400);
});

test("WebsocketHttpErrors.test_invalidConnectionHeader", async () => {
  const { status, body } = await get(PATH, { Upgrade: "WebSocket", Connection: "close" });
  assert.equal(status, 400);
  // The protocol's words, and those of sockjs-node.
  assert.match(body, /^("Connection" must be "Upgrade"\.|Not a valid websocket request)\s*$/);
});

test("WebsocketHttpErrors.test_invalidMethod", async () => {
  for (const headers of [{}, { Upgrade: "WebSocket", Connection: "Upgrade" }]) {
    const response = await post(PATH, "", headers);
    assert.equal(response.status, 405, JSON.stringify(headers));
    assert.equal(response.headers["content-type"], undefined, "Content-Type");
    assert.ok(response.headers.allow, "Allow");
    assert.equal(response.body, "");
  }
});
