// Pieces of work that overlap keep an object awake once, not twice.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Presence } from "../../bench/cost/meter/presence.mjs";

/** A presence, and a way through its time: `at(ms)` gives `{ busyMs, residentMs }` then. */
function start() {
  let now = 0;
  const presence = new Presence(() => now);
  const at = (ms) => {
    now = ms;
    const { busyMs, residentMs } = presence.read();
    return { busyMs, residentMs };
  };
  return { presence, at };
}

test("an object is busy while any work is pending", () => {
  const { presence, at } = start();
  const first = presence.begin();
  at(100);
  const second = presence.begin();
  assert.deepEqual(at(300), { busyMs: 300, residentMs: 300 }, "work that goes on counts");
  first();
  first();
  at(400);
  second();
  assert.equal(at(900).busyMs, 400);
  assert.equal(presence.read().pending, 0);
});

test("it stays for ten seconds after that, at most, and no second of them counts twice", () => {
  const { presence, at } = start();
  presence.begin()();
  assert.deepEqual(at(4_000), { busyMs: 0, residentMs: 4_000 });
  const work = presence.begin();
  at(5_000);
  work();
  assert.deepEqual(at(60_000), { busyMs: 1_000, residentMs: 15_000 });
});

test("a reset in the middle of work counts what is left of it", () => {
  const { presence, at } = start();
  const work = presence.begin();
  at(1_000);
  presence.reset();
  at(1_500);
  work();
  assert.deepEqual(at(2_000), { busyMs: 500, residentMs: 1_000 });
});

test("a reset after work forgets it, and what it stays for", () => {
  const { presence, at } = start();
  presence.begin()();
  at(1_000);
  presence.reset();
  assert.deepEqual(at(2_000), { busyMs: 0, residentMs: 0 });
});
