import assert from "node:assert/strict";
import { test } from "node:test";
import { openWebSocket } from "../../harness/clients/websocket.mjs";
import { within } from "../../harness/waiting/wait.mjs";
import { urlOf } from "../client.mjs";

const TCP_ENDS_MS = 5_000;

test("RawWebsocket.test_transport", async (t) => {
  const socket = await openWebSocket(t, urlOf("/echo/websocket"));
  socket.send("Hello world!\uffff");
  assert.equal(await socket.frames.next(), "Hello world!\uffff");
});

test("RawWebsocket.test_close", async (t) => {
  const socket = await openWebSocket(t, urlOf("/close/websocket"));
  const closed = await within(socket.closed, "the end of the connection", TCP_ENDS_MS);
  assert.deepEqual(closed, { code: 3000, reason: "Go away!" });
  assert.equal(socket.frames.length, 0);
});
