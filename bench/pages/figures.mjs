// npm run figures: writes the tables of README's and docs' figures from the files in docs/figures/, which `npm run bench`,
// `bench:scaling`, `bench:gateway` and `cost` write with `--json docs/figures/NAME.json`.

import { main } from "../../scripts/run.mjs";
import { TABLES, readmeClaims, writeTable } from "./tables.mjs";

await main(import.meta, () => {
  for (const name of Object.keys(TABLES)) writeTable(name);
  process.stdout.write(`README should say:\n${readmeClaims().join("\n")}\n`);
});
