// The chat without a server, by Node alone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { TestRoom } from "sockjs-edge/testing";
import { chat } from "../src/chat.ts";

test("members hear each other, whisper, and are listed", async () => {
  const room = new TestRoom(chat, { params: { room: "lobby" } });
  const [ann, bob] = [await room.connect({ query: "name=ann" }), await room.connect({ query: "name=bob" })];
  await bob.send("/listen bob");
  await ann.send("@bob a secret");
  assert.deepEqual(ann.received, ["ann came: ann", "bob came: ann, bob"]);
  assert.deepEqual(bob.received, ["bob came: ann, bob", "ann whispers: a secret"]);
  assert.deepEqual(await room.call("present"), ["ann", "bob"]);
  await assert.rejects(room.call("what"), { kind: "rejected" });
  assert.deepEqual(room.errors, []);
});
