// One run, with the options that speed.mjs read from the command line.

import { writeFileSync } from "node:fs";
import { figures } from "./figures.mjs";
import { measureMemory, measureSpeed } from "./measure.mjs";
import { lines } from "../lines.mjs";
import { scenarios } from "./scenarios.mjs";
import { table } from "./table.mjs";

const IDLE = 1000;

const { json, ...settings } = JSON.parse(process.argv[2]);
const progress = (name) => process.stderr.write(`${name}\n`);

const results = await measureSpeed(scenarios(settings), settings, progress);
if (settings.modes.includes("memory")) {
  results.push(...(await measureMemory({ ...settings, sessions: IDLE * settings.scale }, progress)));
}
const found = figures(results);
process.stdout.write(table(found));
if (json) writeFileSync(json, lines({ settings, figures: found }));
