// One run, with what speed.mjs read from the command line.

import { writeFileSync } from "node:fs";
import { Problem, main } from "../../scripts/run.mjs";
import { figures } from "./figures.mjs";
import { measureMemory, measureSpeed } from "./measure.mjs";
import { plot } from "./plot.mjs";
import { ALL_MODES, scenarios } from "./scenarios.mjs";
import { table } from "./table.mjs";

const FULL = { rounds: 5, sliceMs: 500, warmUpMs: 200 };
const QUICK = { rounds: 3, sliceMs: 150, warmUpMs: 50 };
const IDLE = 1000;

await main(import.meta, async () => {
  const { quick, modes = ALL_MODES, rounds, json, plot: picture } = JSON.parse(process.argv[2]);
  const unknown = modes.find((mode) => !ALL_MODES.includes(mode));
  if (unknown !== undefined) throw new Problem(`there is no mode ${unknown}`, `one of ${ALL_MODES.join(", ")}`);

  const defaults = quick ? QUICK : FULL;
  const settings = { ...defaults, rounds: rounds ?? defaults.rounds };
  const progress = (name) => process.stderr.write(`${name}\n`);
  const results = await measureSpeed(scenarios({ modes, small: quick }), settings, progress);
  if (modes.includes("memory")) {
    const memory = { rounds: settings.rounds, sessions: quick ? IDLE / 10 : IDLE };
    results.push(...(await measureMemory(memory, progress)));
  }
  const found = figures(results);
  process.stdout.write(table(found));
  if (json) writeFileSync(json, `${JSON.stringify({ settings, figures: found, results }, null, 1)}\n`);
  if (picture) writeFileSync(picture, plot(found));
});
