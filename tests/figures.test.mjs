// The tables and pictures that `npm run figures` writes, and the figures of README, are those of docs/figures/. Other figures of docs/ are
// not checked.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { PICTURES, comparePicture } from "../bench/pages/pictures/index.mjs";
import { TABLES, compareTable, readmeClaims } from "../bench/pages/tables.mjs";
import { ROOT } from "../scripts/tools.mjs";

for (const name of Object.keys(TABLES)) {
  test(`${TABLES[name].page}, "${name}": the figures of docs/figures/${TABLES[name].file}`, () => {
    const { is, should } = compareTable(name);
    assert.equal(is, should, "run: npm run figures");
  });
}

for (const path of Object.keys(PICTURES)) {
  test(`${path}: a picture of docs/figures/${PICTURES[path].file}`, () => {
    const { is, should } = comparePicture(path);
    assert.equal(is, should, "run: npm run figures");
    assertWellFormed(is);
    assert.doesNotMatch(is, /NaN|undefined|Infinity|null/);
  });
}

test("README states figures that were measured", () => {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8").replaceAll("\n", " ");
  for (const claim of readmeClaims()) assert.ok(readme.includes(claim), `README does not say ${claim}`);
});

/** Every tag is closed, in order. */
function assertWellFormed(xml) {
  const open = [];
  for (const [, end, name, empty] of xml.matchAll(/<(\/?)(\w+)(?:\s+[\w:-]+="[^"<]*")*\s*(\/?)>/g)) {
    if (end) assert.equal(open.pop(), name);
    else if (!empty) open.push(name);
  }
  assert.deepEqual(open, []);
  const outside = xml.replace(/<(\/?)(\w+)(?:\s+[\w:-]+="[^"<]*")*\s*(\/?)>/g, "");
  assert.doesNotMatch(outside, /[<>]|&(?!(amp|lt);)/);
}
