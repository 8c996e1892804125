// npm run bench: this server, sockjs-node and the floor side by side, in one run. It fails if a message is lost, doubled, changed
// or out of order.

import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "../../scripts/build.mjs";
import { UsageError, main, run } from "../../scripts/run.mjs";
import { setUp } from "../../scripts/setup.mjs";
import { nodeBinary } from "../../scripts/tools.mjs";
import { storageInMemory } from "../storage-in-memory.mjs";

const MODES = ["websocket", "raw websocket", "xhr-polling", "xhr-streaming", "eventsource", "openings", "broadcast", "memory"];

const USAGE = `usage: npm run bench -- [--quick] [--modes MODE,...] [--before DIR] [--held] [--typescript] [--rounds N] [--json FILE]

  --quick       a tenth of the sessions and short slices: to see that it works, not to be quoted
  --modes       only these: ${MODES.join(", ")}
  --before DIR  measures another build of this server, too: a copy of build/ from another commit
  --typescript  measures the same services in TypeScript, too
  --held        measures this server with WebSockets that the Worker holds, too
  --rounds N    how often each server has its turn, while there is time (default: 5)
  --json FILE   writes all figures there, too; \`npm run figures\` draws docs/speed.svg from docs/figures/speed.json`;

/** A scenario that has taken `scenarioMs` begins no further round: a full run ends within some twelve minutes. */
const FULL = { rounds: 5, scale: 1, sliceMs: 500, warmUpMs: 1_200, settleMs: 1_000, scenarioMs: 11_000 };
const QUICK = { rounds: 3, scale: 0.1, sliceMs: 150, warmUpMs: 50, settleMs: 200, scenarioMs: 4_000 };

await main(import.meta, async () => {
  const options = readArguments(process.argv.slice(2));
  await setUp();
  await build();
  // The clients need this version of Node, and sockjs-node runs on the same one.
  const args = [fileURLToPath(new URL("run.mjs", import.meta.url)), JSON.stringify(options)];
  const before = options.before && { BENCH_BEFORE: options.before };
  const held = options.held && { BENCH_HELD: "true" };
  const typescript = options.typescript && { BENCH_TYPESCRIPT: "true" };
  return run(nodeBinary, args, { stdio: [1, 2], env: { ...process.env, ...storageInMemory(), ...before, ...held, ...typescript } });
});

function readArguments(args) {
  const options = {
    quick: { type: "boolean", default: false },
    modes: { type: "string" },
    rounds: { type: "string" },
    before: { type: "string" },
    held: { type: "boolean", default: false },
    typescript: { type: "boolean", default: false },
    json: { type: "string" },
  };
  try {
    const { values } = parseArgs({ args, options });
    if (values.rounds !== undefined && !/^[1-9]\d*$/.test(values.rounds)) {
      throw new Error(`--rounds takes a number from 1, not ${values.rounds}`);
    }
    const modes = values.modes?.split(",").map((mode) => mode.trim()) ?? MODES;
    const unknown = modes.find((mode) => !MODES.includes(mode));
    if (unknown !== undefined) throw new Error(`--modes knows no ${unknown}`);
    return {
      ...(values.quick ? QUICK : FULL),
      ...(values.rounds && { rounds: Number(values.rounds) }),
      modes,
      before: values.before && resolve(values.before),
      held: values.held,
      typescript: values.typescript,
      json: values.json && resolve(values.json),
    };
  } catch (error) {
    throw new UsageError(error.message, USAGE);
  }
}
