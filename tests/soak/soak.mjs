// npm run soak: thousands of requests that break off and of streams whose clients vanish, and what is left of them in the server.
// It takes some twenty minutes, a quarter of which the runtime takes to put idle objects out of memory.

import { fileURLToPath } from "node:url";
import { buildRigs } from "../../scripts/build.mjs";
import { main, run } from "../../scripts/run.mjs";
import { setUp } from "../../scripts/setup.mjs";
import { nodeBinary } from "../../scripts/tools.mjs";

await main(import.meta, async () => {
  await setUp();
  await buildRigs();
  // Reading the objects' storage needs this one.
  return run(nodeBinary, ["--no-warnings", fileURLToPath(new URL("rounds.mjs", import.meta.url))]);
});
