// npm run simulate:rooms: a room of a million members as a tree of objects, in virtual time. It takes some minutes, and fails if
// a promise is broken.

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { UsageError, main } from "../../scripts/run.mjs";
import { BREAKS, calm, floods, rough, short, sizes } from "./scenarios.mjs";
import { simulate } from "./simulation.mjs";
import { calmTable, floodTable, notes, priceTable, roughTable, sizeTable } from "./table.mjs";

const USAGE = `usage: npm run simulate:rooms -- [--short] [--break WHAT] [--seed N] [--json FILE]

  --short        a small tree, in a second
  --break WHAT   the small tree with a promise broken on purpose, which must fail:
${Object.entries(BREAKS).map(([name, what]) => `                   ${name}: ${what}`).join("\n")}
  --seed N       other random numbers (default: 1)
  --json FILE    writes all figures there, too`;

await main(import.meta, async () => {
  const { isShort, broken, seed, json } = readArguments(process.argv.slice(2));
  const failures = [];
  const run = (name, scenario) => {
    process.stderr.write(`${name}\n`);
    const result = simulate({ ...scenario, broken, seed });
    failures.push(...result.violations.map((violation) => `${name}: ${violation}`));
    return { name, ...result };
  };
  const all = (scenarios) => scenarios.map(({ name, ...scenario }) => run(name, scenario));

  const figures = isShort ? { rough: [run("48 leaves, all restart, outbox", short)] } : everything(all, run);
  process.stdout.write(`\n${isShort ? roughTable(figures.rough) : tables(figures)}\n${notes()}\n`);
  if (json) writeFileSync(json, JSON.stringify(figures, null, 2));
  for (const failure of failures) process.stdout.write(`\nBROKEN: ${failure}`);
  process.stdout.write(failures.length > 0 ? "\n" : "\nNo promise was broken.\n");
  return failures.length > 0 ? 1 : 0;
});

function everything(all, run) {
  return {
    calm: all(calm),
    floods: all(floods),
    rough: all(rough),
    sizes: sizes.map(({ leaves, shards, tree }) => ({
      leaves,
      shards: run(`${leaves} shards`, shards),
      tree: run(`${leaves} leaves`, tree),
    })),
  };
}

function tables({ calm, floods, rough, sizes }) {
  return [calmTable(calm), priceTable(calm), floodTable(floods), roughTable(rough), sizeTable(sizes)].join("\n");
}

function readArguments(args) {
  const options = {
    short: { type: "boolean", default: false },
    break: { type: "string" },
    seed: { type: "string", default: "1" },
    json: { type: "string" },
  };
  try {
    const { values } = parseArgs({ args, options });
    const broken = values.break;
    if (broken !== undefined && !(broken in BREAKS)) throw new Error(`--break takes one of ${Object.keys(BREAKS).join(", ")}, not ${broken}`);
    if (!/^[1-9]\d*$/.test(values.seed)) throw new Error(`--seed takes a number from 1, not ${values.seed}`);
    return { isShort: values.short || broken !== undefined, broken, seed: Number(values.seed), json: values.json };
  } catch (error) {
    throw new UsageError(error.message, USAGE);
  }
}
