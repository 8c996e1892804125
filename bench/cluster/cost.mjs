// npm run cost:cluster: what a bucket that is 5, 50 and 200 ms away costs a cluster, in time, requests and dollars, for each placement and
// both clocks of heartbeats. It takes some thirty minutes. SOCKJS_ROUND_TRIPS="50" measures another distance.

import { fileURLToPath } from "node:url";
import { buildRigs } from "../../scripts/build.mjs";
import { main, run } from "../../scripts/run.mjs";
import { setUp } from "../../scripts/setup.mjs";
import { nodeBinary } from "../../scripts/tools.mjs";

await main(import.meta, async () => {
  await setUp();
  await buildRigs();
  return run(nodeBinary, [fileURLToPath(new URL("count.mjs", import.meta.url))], { stdio: [1, 2] });
});
