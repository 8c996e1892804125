// npm run bench:cluster: echoes through a node that does not own the object, by those through its owner. It takes some five minutes;
// SOCKJS_ROUNDS="3" takes fewer rounds.

import { fileURLToPath } from "node:url";
import { buildRigs } from "../../scripts/build.mjs";
import { main, run } from "../../scripts/run.mjs";
import { setUp } from "../../scripts/setup.mjs";
import { nodeBinary } from "../../scripts/tools.mjs";

await main(import.meta, async () => {
  await setUp();
  await buildRigs();
  return run(nodeBinary, [fileURLToPath(new URL("compare.mjs", import.meta.url))], { stdio: [1, 2] });
});
