// The checker sees what it is there to see.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fateOf, problemsOf } from "./checker.mjs";

const expected = new Map([["a", { first: 0, last: 3 }], ["b", { first: 2, last: undefined }]]);
const GOOD = ["a 0", "b 1", "a 1", "a 2", "b 2", "a 3"];

test("a log that begins in time, and has each sender's texts in their order, is good", () => {
  assert.deepEqual(problemsOf(GOOD, expected), []);
});

for (const [what, heard, problem] of [
  ["a gap", GOOD.filter((text) => text !== "a 1"), "a 1 to 1 are missing"],
  ["a text that comes twice", [...GOOD, "a 3"], "a 3 came after a 3"],
  ["two texts that changed places", ["a 1", "a 0", "a 2", "a 3"], "a 0 to 0 are missing at the begin"],
  ["a late begin", ["b 3", ...GOOD.filter((text) => text.startsWith("a"))], "b 2 to 2 are missing at the begin"],
  ["an early end", GOOD.slice(0, -1), "a 3 to 3 are missing at the end"],
  ["silence", [], "a 0 to 3 are missing at the end"],
  ["a text of nobody", [...GOOD, "c 0"], "c 0 was never sent"],
]) {
  test(`${what} is seen`, () => assert.ok(problemsOf(heard, expected).includes(problem), problemsOf(heard, expected).join()));
}

test("what is lost and doubled is counted", () => {
  assert.deepEqual(fateOf(["a 0", "a 3", "a 3"], expected), { lost: 2, doubled: 1 });
});
