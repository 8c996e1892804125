// npm run cost: the bill for each action of a connection, counted through the real server, and for an idle hour, extrapolated
// from heartbeats at the default delays. It takes some eleven minutes, mostly waiting.

import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildRigs } from "../../scripts/build.mjs";
import { UsageError, main, run } from "../../scripts/run.mjs";
import { setUp } from "../../scripts/setup.mjs";
import { nodeBinary } from "../../scripts/tools.mjs";

const USAGE = `usage: npm run cost -- [--heartbeats N] [--json FILE]

  --heartbeats N   how many an idle connection is watched for (default: 20); below 20, the end that a stream
                   comes to after ten minutes is left out
  --json FILE      writes all figures there, too`;

await main(import.meta, async () => {
  const options = readArguments(process.argv.slice(2));
  await setUp();
  await buildRigs();
  // The clients need this version of Node.
  return run(nodeBinary, [fileURLToPath(new URL("measure.mjs", import.meta.url)), JSON.stringify(options)], { stdio: [1, 2] });
});

function readArguments(args) {
  const options = { heartbeats: { type: "string", default: "20" }, json: { type: "string" } };
  try {
    const { values } = parseArgs({ args, options });
    if (!/^[1-9]\d*$/.test(values.heartbeats)) throw new Error(`--heartbeats takes a number from 1, not ${values.heartbeats}`);
    return { heartbeats: Number(values.heartbeats), json: values.json && resolve(values.json) };
  } catch (error) {
    throw new UsageError(error.message, USAGE);
  }
}
