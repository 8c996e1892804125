// The tables that `npm run figures` writes, and the figures of README, are those of docs/figures/. Other figures of docs/ are not checked.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { TABLES, compareTable, readmeClaims } from "../bench/pages/tables.mjs";
import { ROOT } from "../scripts/tools.mjs";

for (const name of Object.keys(TABLES)) {
  test(`${TABLES[name].page}, "${name}": the figures of docs/figures/${TABLES[name].file}`, () => {
    const { is, should } = compareTable(name);
    assert.equal(is, should, "run: npm run figures");
  });
}

test("README states figures that were measured", () => {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8").replaceAll("\n", " ");
  for (const claim of readmeClaims()) assert.ok(readme.includes(claim), `README does not say ${claim}`);
});
