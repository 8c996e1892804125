// Memory for the messages of clients whose WebSockets the Worker holds: bounds of a connection, and of all in an isolate.

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { attached, held, turn } from "./held-socket-rig.mjs";

const MIB = 1 << 20;

test("more than the inbox takes is a violation, and one message always fits", async (t) => {
  const { client, inner } = held(t, { inboxLimit: 1_000 });
  client.gives("x".repeat(2_000));
  client.gives("y");
  await turn();
  assert.deepEqual(inner.take().map((message) => message.split("\n")[0]), ["m0,1,,2000", "v1013,Too many messages wait"]);
  const other = held(t, { inboxLimit: 1_000 });
  for (let number = 1; number <= 10; number += 1) {
    other.client.gives("x".repeat(500));
    other.inner.gives(`d${number}`);
  }
  assert.equal(other.inner.take().length, 10, "what is handled makes room");
});

test("the isolate's memory is given back", (t) => {
  const MESSAGE = "x".repeat(5 * MIB);
  for (let round = 0; round < 5; round += 1) {
    const clients = Array.from({ length: 6 }, () => held(t));
    for (const { client } of clients) client.gives(MESSAGE);
    const last = held(t);
    last.client.gives(MESSAGE);
    assert.match(last.inner.take()[0], /^v1013,/, "32 MiB are used");
    for (const { client } of clients) client.ends(1000, "");
  }
});

test("a sender for whom the isolate has no memory left goes on: the connection that keeps most loses its messages", (t) => {
  const modest = held(t);
  const fullest = held(t);
  const others = Array.from({ length: 4 }, () => held(t));
  modest.client.gives("a");
  fullest.client.gives("x".repeat(7 * MIB));
  for (const { client } of others) client.gives("x".repeat(6 * MIB));
  for (const { inner } of [modest, fullest, ...others]) inner.take();
  const sender = held(t);
  sender.client.gives("x".repeat(2 * MIB));
  assert.match(sender.inner.take()[0], /^m0,1,,/);
  assert.deepEqual(fullest.inner.take(), [], "an event of the sender does no I/O for another connection");
  fullest.client.gives("y");
  assert.deepEqual(fullest.inner.take(), ["v1013,Too many messages wait"]);
  modest.client.gives("b");
  assert.deepEqual(modest.inner.take(), ["m0,2,,1\nb"]);
  for (const { inner } of others) assert.deepEqual(inner.take(), []);
});

test("a connection whose messages were dropped tells its object within seconds, or when that is attached again", async (t) => {
  const fill = ({ client }) => client.gives("x".repeat(9 * MIB));
  const inboxLimit = 20 * MIB;
  await t.test("by its timer", (t) => {
    mock.timers.enable({ apis: ["setTimeout", "Date"] });
    t.after(() => mock.timers.reset());
    const fullest = held(t, { inboxLimit });
    fill(fullest);
    fullest.client.gives("x");
    fullest.inner.take();
    for (const other of [held(t), held(t), held(t)]) fill(other);
    mock.timers.tick(2_000);
    mock.timers.tick(10_000);
    assert.deepEqual(fullest.inner.take(), ["v1013,Too many messages wait"], "once");
  });
  await t.test("by the timer that sends what one turn brings", async (t) => {
    const fullest = held(t, { inboxLimit });
    fullest.client.gives(..."abcdefgh");
    await turn();
    fullest.inner.gives("d8");
    fullest.inner.take();
    fill(fullest);
    fullest.client.gives("x");
    for (const other of [held(t), held(t), held(t)]) fill(other);
    assert.equal(fullest.inner.take().length, 0, "what came waits for the rest of its turn");
    await turn();
    assert.deepEqual(fullest.inner.take(), ["v1013,Too many messages wait"]);
  });
  await t.test("by a message of the object", (t) => {
    const fullest = held(t, { inboxLimit });
    fill(fullest);
    fullest.client.gives("x");
    fullest.inner.take();
    for (const other of [held(t), held(t), held(t)]) fill(other);
    fullest.inner.gives("d1");
    assert.deepEqual(fullest.inner.take(), ["v1013,Too many messages wait"]);
    fullest.inner.gives("c1013,Too many messages wait");
  });
  await t.test("when it is attached again", async (t) => {
    const fullest = held(t, { inboxLimit });
    fullest.client.gives("a");
    fullest.inner.take();
    fullest.inner.ends();
    fill(fullest);
    for (const other of [held(t), held(t), held(t)]) fill(other);
    fullest.client.gives("after");
    const again = await attached(await fullest.attempt(1), 1);
    assert.deepEqual(again.take(), ["v1013,Too many messages wait"], "and nothing that follows the gap");
  });
  await t.test("when it is attached again, of a client that left", async (t) => {
    const fullest = held(t, { inboxLimit });
    fullest.inner.ends();
    fill(fullest);
    fullest.client.gives("x");
    fullest.client.ends(3000, "done");
    (await fullest.attempt(1)).resolve(null);
    for (const other of [held(t), held(t), held(t)]) fill(other);
    const second = await fullest.attempt(2);
    assert.deepEqual(second.known.slice(5), [1013, "Too many messages wait"]);
    assert.deepEqual((await attached(second, 0)).take(), []);
  });
});

test("a connection that broke a rule before is the first to lose its messages, and nobody else is closed", (t) => {
  const violator = held(t);
  violator.client.gives("x".repeat(3 * MIB), new Uint8Array(1));
  const others = Array.from({ length: 5 }, () => held(t));
  for (const { client } of others) client.gives("x".repeat(6 * MIB));
  violator.client.ends();
  for (const { inner } of others) assert.match(inner.take().join(), /^m0,1,,/);
});

test("a message with characters above U+00FF takes two bytes for each", (t) => {
  const wide = Array.from({ length: 4 }, () => held(t));
  for (const { client } of wide) client.gives("\u4e2d".repeat(3.5 * MIB));
  const last = held(t);
  last.client.gives("\u4e2d".repeat(2.5 * MIB));
  assert.match(last.inner.take()[0], /^m0,1,,/, "the fullest makes room");
  wide[0].inner.take();
  wide[0].client.gives("y");
  assert.deepEqual(wide[0].inner.take(), ["v1013,Too many messages wait"]);
  wide[1].inner.take();
  wide[1].inner.gives("d1");
  const another = held(t);
  another.client.gives("\u00ff".repeat(6 * MIB));
  assert.match(another.inner.take()[0], /^m0,1,,/, "what is handled makes room");
});
