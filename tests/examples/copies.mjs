// npm run copies: each example copied out of the repository, and built there as its users build it.

import { fileURLToPath } from "node:url";
import { main, run } from "../../scripts/run.mjs";
import { setUp } from "../../scripts/setup.mjs";
import { nodeBinary } from "../../scripts/tools.mjs";

await main(import.meta, async () => {
  await setUp();
  const file = fileURLToPath(new URL("copies.test.mjs", import.meta.url));
  return run(nodeBinary, ["--test", "--test-reporter=spec", file], { env: { ...process.env, SOCKJS_COPIES: "long" } });
});
