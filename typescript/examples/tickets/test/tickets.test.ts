// The rooms without a server, by Node alone.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RequestInfo } from "sockjs-edge";
import { TestRoom } from "sockjs-edge/testing";
import { members } from "../src/tickets.ts";

const env = { USERS: "ada:secret,bob:another,nobody:" };
const ask = async (query: string) => members.onRequest?.({ query } as RequestInfo, env);

test("a token becomes claims, and a client without one gets 401", async () => {
  assert.deepEqual(await ask("token=secret"), { claims: { user: "ada" } });
  for (const query of ["", "token=", "token=wrong"]) {
    const refused = await ask(query);
    assert.ok(refused instanceof Response);
    assert.equal(refused.status, 401, query);
  }
});

test("members know each other by their claims", async () => {
  const room = new TestRoom(members, { params: { room: "lobby" } });
  const [ada, bob] = [await room.connect({ claims: { user: "ada" } }), await room.connect({ claims: { user: "bob" } })];
  await ada.send("hello");
  assert.deepEqual([ada.next(), bob.next()], ["ada: hello", "ada: hello"]);
  assert.deepEqual(room.errors, []);
});
