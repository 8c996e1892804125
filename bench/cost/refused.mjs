// npm run refusals: checks that a hundred thousand refused requests of each kind start no object and write no row. It takes some
// minutes.

import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildRigs } from "../../scripts/build.mjs";
import { UsageError, main, run } from "../../scripts/run.mjs";
import { setUp } from "../../scripts/setup.mjs";
import { nodeBinary } from "../../scripts/tools.mjs";

const USAGE = `usage: npm run refusals -- [--requests N]

  --requests N   how many of each kind (default: 100000)`;

await main(import.meta, async () => {
  const requests = readRequests(process.argv.slice(2));
  await setUp();
  await buildRigs();
  return run(nodeBinary, [fileURLToPath(new URL("count-refusals.mjs", import.meta.url)), requests], { stdio: [1, 2] });
});

function readRequests(args) {
  try {
    const { values } = parseArgs({ args, options: { requests: { type: "string", default: "100000" } } });
    if (!/^[1-9]\d*$/.test(values.requests)) throw new Error(`--requests takes a number from 1, not ${values.requests}`);
    return values.requests;
  } catch (error) {
    throw new UsageError(error.message, USAGE);
  }
}
