// npm run figures: writes tables of figures into docs/ from the files in docs/figures/. `npm run cost` writes one with
// `--json docs/figures/cost.json`.

import { main } from "../../scripts/run.mjs";
import { TABLES, readmeClaims, writeTable } from "./tables.mjs";

await main(import.meta, () => {
  for (const name of Object.keys(TABLES)) writeTable(name);
  process.stdout.write(`README should say:\n${readmeClaims().join("\n")}\n`);
});
