// The JavaScript that holds a client's WebSocket in the Worker.

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { until } from "../harness/waiting/wait.mjs";
import { FakeSocket, attached, held, old, settled, turn } from "./held-socket-rig.mjs";

/** The object is told at once after so many bytes. */
const ACK_BYTES = 32 << 10;
/** Time after which the runtime is asked what the client took. */
const LOOK_MS = 50;

test("a message that comes alone goes at once, with its number", (t) => {
  const { client, inner } = held(t);
  client.gives("a");
  assert.deepEqual(inner.take(), ["m0,1,,1\na"]);
  inner.gives("d1");
  client.gives("bé");
  assert.deepEqual(inner.take(), ["m1,2,,2\nbé"]);
});

test("what one turn brings goes in one batch, and nothing twice", async (t) => {
  const { client, inner } = held(t);
  const messages = Array.from({ length: 40 }, (_, number) => `${number}`.repeat(number % 3));
  client.gives(...messages);
  await turn();
  const batches = inner.take();
  assert.ok(batches.length < 8, `${batches.length} batches`);
  const read = [];
  for (const batch of batches) {
    const [head, rest] = [batch.slice(1, batch.indexOf("\n")), batch.slice(batch.indexOf("\n") + 1)];
    const [handled, first, , ...lengths] = head.split(",");
    assert.deepEqual([handled, Number(first)], ["0", read.length + 1]);
    let at = 0;
    for (const length of lengths.map(Number)) {
      read.push(rest.slice(at, at + length));
      at += length;
    }
  }
  assert.deepEqual(read, messages);
});

test("frames reach the client once, and a number that came before is dropped", (t) => {
  const { client, inner } = held(t);
  inner.gives("f0,,\no", 'f5,,\na["x"]', 'f5,,\na["x"]', 'f4,,\na["w"]', "f,,\nh", 'f6,,\na["y"]');
  assert.deepEqual(client.take(), ["o", 'a["x"]', "h", 'a["y"]']);
});

test("a raw client gets the messages without frames", async (t) => {
  const { client, inner } = held(t, { isRaw: true });
  inner.gives("f0,,\no", 'f5,,\na["x","\\u0001"]', "f,,\nh");
  assert.deepEqual(client.take(), ["x", "\u0001"]);
  await old();
  inner.gives('f,,1\nc[3000,"bye"]');
  assert.deepEqual([client.take(), client.closed], [[], { code: 3000, reason: "bye" }]);
});

test("after an attach only what was not received is sent again, with the state and what is known", async (t) => {
  const { client, inner, attempt } = held(t);
  inner.gives("f0,,\no", 's{"a":1}', 'g["g"]');
  client.gives("a", "b", "c", "d");
  await turn();
  inner.gives('f9,2,\na["x"]');
  inner.ends();
  client.gives("e");
  const first = await attempt(1);
  assert.deepEqual(first.known, [9, 2, true, '{"a":1}', '["g"]', undefined, undefined]);
  assert.deepEqual(inner.closed, { code: 1000, reason: "" });
  const again = await attached(first, 3);
  assert.deepEqual(again.take(), ["m2,4,9,1,1\nde"]);
  again.gives("d5");
  client.gives("f");
  assert.equal(again.take()[0].split("\n")[1], "f");
});

test("what is handled is dropped and not sent again", async (t) => {
  const { client, inner, attempt } = held(t);
  client.gives("a", "b", "c");
  await turn();
  inner.gives("d3");
  inner.ends();
  const again = await attached(await attempt(1), 3);
  assert.deepEqual(again.take(), []);
  client.gives("d");
  assert.deepEqual(again.take(), ["m3,4,,1\nd"]);
});

test("an attach that fails is tried again, and one that finds the connection over closes the client with 1012", async (t) => {
  const { client, inner, attempt } = held(t);
  await old();
  inner.ends();
  (await attempt(1)).resolve(null);
  (await attempt(2)).reject(new Error("overloaded"));
  (await attempt(3)).resolve(undefined);
  await until(() => client.closed, "the close");
  assert.deepEqual(client.take(), ['c[1012,"the connection is over"]']);
  assert.deepEqual(client.closed, { code: 1012, reason: "the connection is over" });
});

test("an attempt to attach again begins at least 10 ms after the loss", async (t) => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  t.after(() => mock.timers.reset());
  t.mock.method(Math, "random", () => 0);
  const { inner, attempts } = held(t);
  inner.ends();
  mock.timers.tick(9);
  await settled();
  assert.equal(attempts.length, 0);
  mock.timers.tick(1);
  await settled();
  assert.equal(attempts.length, 1);
});

test("where nothing can attach again since the instance of wasm was reset, the client is closed with 1012 at once", async (t) => {
  mock.method(console, "warn", () => {});
  t.after(() => mock.restoreAll());
  const { client, inner } = held(t, {}, new Error("closure of a previous instance"));
  client.gives("a");
  await old();
  inner.ends();
  await until(() => client.closed, "the close");
  assert.deepEqual(client.closed, { code: 1012, reason: "the server failed" });
});

test("an inner socket that breaks as it is used is attached again", async (t) => {
  const { client, inner, attempt } = held(t);
  inner.ends();
  client.gives("a");
  const broken = new FakeSocket();
  broken.isBroken = true;
  (await attempt(1)).resolve([broken, 0]);
  const again = await attached(await attempt(2), 0);
  assert.deepEqual(again.take(), ["m0,1,,1\na"]);
});

test("late events of an inner socket that was replaced mean nothing", async (t) => {
  const { client, inner, attempts, attempt } = held(t);
  inner.ends();
  const again = await attached(await attempt(1), 0);
  inner.gives('f9,,\na["late"]');
  inner.ends();
  client.gives("a");
  assert.deepEqual([client.take(), again.take(), attempts.length], [[], ["m0,1,,1\na"], 1]);
});

test("a client that leaves is told to the object after what it sent", (t) => {
  const { client, inner } = held(t);
  client.gives("a");
  client.ends(3000, "done");
  assert.deepEqual(inner.take(), ["m0,1,,1\na", "x3000,done"]);
  assert.deepEqual([client.closed, inner.closed], [{ code: 3000, reason: "done" }, { code: 1000, reason: "" }]);
});

test("a client that leaves while the object is attached again is told with the next attempt", async (t) => {
  const { client, inner, waits, attempt } = held(t);
  inner.ends();
  client.ends(1001, "away");
  assert.equal(waits.length, 1, "the invocation waits for the attempt");
  const first = await attempt(1);
  assert.deepEqual(first.known.slice(5), [1001, "away"]);
  const again = await attached(first, 0);
  await waits[0];
  assert.deepEqual([again.take(), again.closed], [[], { code: 1000, reason: "" }]);
});

test("a client that leaves during an attempt is told on the new inner socket, after what it sent", async (t) => {
  const { client, inner, attempt } = held(t);
  inner.ends();
  const first = await attempt(1);
  client.gives("a");
  client.ends(1001, "away");
  const again = await attached(first, 0);
  assert.deepEqual([again.take(), again.closed], [["m0,1,,1\na", "x1001,away"], { code: 1000, reason: "" }]);
});

test("codes that may not be sent are answered with others", (t) => {
  for (const [code, answer] of [[1005, 1000], [1006, 1002], [1015, 1002], [4999, 4999]]) {
    const { client } = held(t);
    client.ends(code, "");
    assert.equal(client.closed.code, answer, `${code}`);
  }
});

for (const [code, frames] of [[1012, ['c[1012,"why"]']], [1013, ['c[1013,"why"]']], [1014, ['c[1014,"why"]']], [1003, []], [3000, []]]) {
  test(`a close by the object with ${code} comes ${frames.length > 0 ? "after a frame that says it" : "alone"}`, async (t) => {
    for (const isRaw of [false, true]) {
      const { client, inner } = held(t, { isRaw });
      await old();
      inner.gives(`c${code},why`);
      assert.deepEqual([client.take(), client.closed], [isRaw ? [] : frames, { code, reason: "why" }]);
      assert.deepEqual(inner.closed, { code: 1000, reason: "" });
    }
  });
}

test("a close in the moment of the handshake waits a little", (t) => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  t.after(() => mock.timers.reset());
  const { client, inner } = held(t);
  inner.gives("f0,,\no", 'f,,1\nc[3000,"bye"]');
  assert.deepEqual([client.take(), client.closed], [["o", 'c[3000,"bye"]'], undefined]);
  mock.timers.tick(5);
  assert.deepEqual(client.closed, { code: 1000, reason: "Normal closure" });
});

test("binary data is a violation, after what was sent before, and nothing is taken after it", async (t) => {
  const { client, inner, attempt } = held(t);
  client.gives("a");
  client.gives(new Uint8Array(1));
  client.gives("b");
  await turn();
  assert.deepEqual(inner.take(), ["m0,1,,1\na", "v1003,Binary messages are not supported"]);
  inner.ends();
  const again = await attached(await attempt(1), 0);
  assert.deepEqual(again.take(), ["m0,1,,1\na", "v1003,Binary messages are not supported"], "told again: nothing may follow the gap");
});

test("an object that is attached again after seconds is asked for what it received and does not handle", async (t) => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  t.after(() => mock.timers.reset());
  const { client, inner, attempts } = held(t);
  client.gives("a");
  inner.ends();
  mock.timers.tick(2_000);
  await settled();
  const again = new FakeSocket();
  attempts[0].resolve([again, 1]);
  await settled();
  assert.deepEqual(again.take(), []);
  mock.timers.tick(2_000);
  assert.deepEqual(again.take(), ["m0,2,\n"]);
});

test("the object is told what the client took: at once after half a window, else within a second", (t) => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  t.after(() => mock.timers.reset());
  const { inner } = held(t);
  const frame = (seq, bytes) => inner.gives(`f${seq},,\na["${"x".repeat(bytes - 5)}"]`);
  frame(1, 1_000);
  mock.timers.tick(LOOK_MS);
  mock.timers.tick(999);
  assert.deepEqual(inner.take(), []);
  mock.timers.tick(1);
  assert.deepEqual(inner.take(), ["a1"]);
  frame(2, ACK_BYTES - 1);
  assert.deepEqual(inner.take(), []);
  frame(3, 10);
  mock.timers.tick(LOOK_MS);
  assert.deepEqual(inner.take(), ["a3"]);
  mock.timers.tick(2_000);
  assert.deepEqual(inner.take(), [], "it knows");
});

test("the half of a window is counted in bytes of UTF-8: a window of other scripts is shorter than of Latin letters", (t) => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  t.after(() => mock.timers.reset());
  const { client, inner } = held(t);
  client.bufferedAmount = ACK_BYTES + 100;
  inner.gives(`f1,,\na["${"\u4e2d".repeat(ACK_BYTES / 3)}"]`);
  inner.gives("q");
  const [, bytes] = /^w,1:(\d+)$/.exec(inner.take()[0]);
  assert.ok(Math.abs(bytes - ACK_BYTES) < 10, bytes);
  client.bufferedAmount = 0;
  mock.timers.tick(LOOK_MS);
  assert.deepEqual(inner.take(), ["a1"]);
});

test("an object that handles nothing is asked whether it has everything, each two seconds until it does", (t) => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  t.after(() => mock.timers.reset());
  const { client, inner } = held(t);
  client.gives("a");
  client.gives("b");
  inner.gives("d1");
  assert.deepEqual(inner.take(), ["m0,1,,1\na", "m0,2,,1\nb"]);
  mock.timers.tick(2_000);
  assert.deepEqual(inner.take(), [], "it handled something");
  mock.timers.tick(2_000);
  mock.timers.tick(2_000);
  assert.deepEqual(inner.take(), ["m1,3,\n", "m1,3,\n"]);
  inner.gives("d2");
  mock.timers.tick(2_000);
  mock.timers.tick(2_000);
  assert.deepEqual(inner.take(), []);
});

test("an acknowledgement rides on a batch", (t) => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  t.after(() => mock.timers.reset());
  const { client, inner } = held(t);
  inner.gives('f7,,\na["x"]');
  mock.timers.tick(LOOK_MS);
  client.gives("a");
  assert.deepEqual(inner.take(), ["m0,1,7,1\na"]);
  mock.timers.tick(1_500);
  assert.deepEqual(inner.take(), []);
});

test("what waits on the client's socket is not acknowledged, and told when it is asked for", (t) => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  t.after(() => mock.timers.reset());
  const { client, inner } = held(t);
  const text = 'a["' + "x".repeat(995) + '"]';
  client.bufferedAmount = 1_000;
  inner.gives(`f1,,\n${text}`);
  client.bufferedAmount = 2_000;
  inner.gives(`f2,,\n${text}`);
  mock.timers.tick(1_100);
  inner.gives("q");
  assert.deepEqual(inner.take(), ["w,1:1000,2:1000"]);
  client.bufferedAmount = 1_000;
  mock.timers.tick(60);
  inner.gives("q");
  assert.deepEqual(inner.take(), ["w1,2:1000"]);
  client.bufferedAmount = 0;
  mock.timers.tick(2_000);
  assert.deepEqual(inner.take(), ["a2"]);
});

test("a client that takes nothing is closed with 1013; one that takes as much as comes is not", (t) => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  t.after(() => mock.timers.reset());
  const { client, inner } = held(t, { stallTimeoutMs: 2_000 });
  mock.timers.tick(10);
  const text = 'a["' + "x".repeat(995) + '"]';
  let seq = 0;
  const comes = () => inner.gives(`f${++seq},,\n${text}`);
  // Ten messages wait at any time.
  client.bufferedAmount = 10_000;
  for (let number = 0; number < 11; number += 1) comes();
  for (let step = 0; step < 100; step += 1) {
    mock.timers.tick(50);
    comes();
  }
  assert.equal(client.closed, undefined, "it reads");
  for (let step = 0; step < 60; step += 1) mock.timers.tick(50);
  assert.deepEqual(client.closed, { code: 1013, reason: "Stalled" });
  assert.equal(inner.take().at(-1), "t");
  assert.equal(client.take().at(-1), 'c[1013,"Stalled"]');
});

test("without an answer to an attach in 25 s, or an object in the time for it, the client is closed with 1012", async (t) => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  t.after(() => mock.timers.reset());
  mock.method(console, "warn", () => {});
  t.after(() => mock.restoreAll());
  const { client, inner, attempts } = held(t);
  mock.timers.tick(10);
  inner.ends();
  // Promises settle between the ticks.
  for (let second = 0; second < 60 && !client.closed; second += 1) {
    mock.timers.tick(1_000);
    for (let step = 0; step < 10; step += 1) await Promise.resolve();
  }
  assert.equal(attempts.length, 2);
  assert.deepEqual(client.closed, { code: 1012, reason: "the object cannot be reached" });
});

test("a client whose message breaks the object again and again is closed with 1011, and the object is told", async (t) => {
  const { client, inner, attempts, attempt } = held(t);
  client.gives("poison");
  let last = inner;
  for (let loss = 1; !client.closed; loss += 1) {
    assert.ok(loss < 12, "it ends");
    last.ends();
    if (client.closed) break;
    last = await attached(await attempt(loss), 0);
    // Without the question that follows after two seconds.
    assert.equal(last.take().filter((message) => message.endsWith("poison")).length, 1, "sent once more");
  }
  assert.deepEqual(client.closed, { code: 1011, reason: "Handler failed" });
  const { known, resolve } = await attempt(attempts.length + 1);
  assert.deepEqual(known.slice(5), [1011, "Handler failed"]);
  resolve(undefined);
});

test("an object that is lost again and again is attached again as long as it handles something in between", async (t) => {
  const { client, inner, attempt } = held(t);
  let last = inner;
  for (let loss = 1; loss < 12; loss += 1) {
    client.gives("a", "b");
    await turn();
    last.gives(`d${2 * loss - 1}`);
    last.ends();
    last = await attached(await attempt(loss), 2 * loss);
    last.gives(`d${2 * loss}`);
  }
  assert.equal(client.closed, undefined);
});

test("an unknown message of the object, or an error here, closes the client with 1012", async (t) => {
  for (const message of ["z", "", new ArrayBuffer(1), "f1,,1\nno json"]) {
    const { client, inner } = held(t, { isRaw: true });
    await old();
    mock.method(console, "error", () => {});
    inner.gives(message);
    mock.restoreAll();
    assert.equal(client.closed?.code, 1012, String(message));
  }
});
