// npm run backpressure: much data through slow networks, to clients that do not read, and from many at once: what arrives, and
// how much memory it takes. The tests beside it do the same in small.

import { fileURLToPath } from "node:url";
import { buildRigs } from "../../scripts/build.mjs";
import { main, run } from "../../scripts/run.mjs";
import { setUp } from "../../scripts/setup.mjs";
import { nodeBinary } from "../../scripts/tools.mjs";

await main(import.meta, async () => {
  await setUp();
  await buildRigs();
  // The clients need this one; sockjs is older than Buffer.from.
  return run(nodeBinary, ["--no-deprecation", fileURLToPath(new URL("run.mjs", import.meta.url))], { stdio: [1, 2] });
});
