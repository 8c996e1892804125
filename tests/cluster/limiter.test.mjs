// The limit on connections that one address may open at a node.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Ratelimit, readLimit } from "../../cluster/limiter.js";

const WINDOW_MS = 60_000;

/** A limiter with a clock of its own, and `allows`, which resolves to the outcomes of as many calls for a key. */
function limiterAt(options) {
  const clock = { now: 1_000_000 };
  const limiter = new Ratelimit({ limit: 2, windowMs: WINDOW_MS, now: () => clock.now, ...options });
  const allows = async (key, count = 1) => {
    const outcomes = [];
    for (let call = 0; call < count; call += 1) outcomes.push((await limiter.limit({ key })).success);
    return outcomes;
  };
  return { clock, allows };
}

test("a key has its limit in each window, which begins with the first call", async () => {
  const { clock, allows } = limiterAt();
  assert.deepEqual(await allows("a", 3), [true, true, false]);
  clock.now += WINDOW_MS - 1;
  assert.deepEqual(await allows("a"), [false]);
  clock.now += 1;
  assert.deepEqual(await allows("a", 3), [true, true, false]);
});

test("refused calls do not make the window longer", async () => {
  const { clock, allows } = limiterAt();
  await allows("a", 2);
  for (let step = 0; step < 10; step += 1) {
    assert.deepEqual(await allows("a"), [false]);
    clock.now += WINDOW_MS / 10;
  }
  assert.deepEqual(await allows("a"), [true]);
});

test("keys are counted apart", async () => {
  const { allows } = limiterAt();
  assert.deepEqual(await allows("a", 3), [true, true, false]);
  assert.deepEqual(await allows("b", 3), [true, true, false]);
});

test("above the limit of keys, the oldest one is forgotten, and no new one is refused", async () => {
  const { clock, allows } = limiterAt({ keysMax: 3 });
  for (const key of ["a", "b", "c"]) {
    await allows(key, 2);
    clock.now += 1;
  }
  assert.deepEqual(await allows("d"), [true]);
  assert.deepEqual(await allows("c"), [false]);
  assert.deepEqual(await allows("a"), [true]);
});

test("windows that are over take no place among the keys", async () => {
  const { clock, allows } = limiterAt({ keysMax: 2 });
  await allows("a", 2);
  clock.now += WINDOW_MS / 2;
  await allows("b", 2);
  clock.now += WINDOW_MS / 2;
  assert.deepEqual(await allows("c", 2), [true, true]);
  assert.deepEqual(await allows("b"), [false]);
});

test("a limit is connections/seconds", () => {
  assert.deepEqual(readLimit("100/60"), { limit: 100, windowMs: 60_000 });
  for (const text of ["", "100", "100/", "/60", "0/60", "100/0", "1.5/60", "100/60 ", "100 / 60", "1e3/60", "-1/60", "1000000000/1"]) {
    assert.equal(readLimit(text), undefined, text);
  }
});
