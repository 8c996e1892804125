// npm run figures: writes the tables of README's and docs' figures, and the pictures, from the files in docs/figures/, which `npm run
// bench`, `bench:scaling`, `bench:gateway` and `cost` write with `--json docs/figures/NAME.json`.

import { main } from "../../scripts/run.mjs";
import { PICTURES, writePicture } from "./pictures/index.mjs";
import { TABLES, readmeClaims, writeTable } from "./tables.mjs";

await main(import.meta, () => {
  for (const name of Object.keys(TABLES)) writeTable(name);
  for (const path of Object.keys(PICTURES)) writePicture(path);
  process.stdout.write(`README should say:\n${readmeClaims().join("\n")}\n`);
});
