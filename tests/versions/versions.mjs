// npm run versions: this build and the previous one as the two halves of one server, as they are for some time after a deploy
// and after a rollback.

import { fileURLToPath } from "node:url";
import { buildRigs } from "../../scripts/build.mjs";
import { main, run } from "../../scripts/run.mjs";
import { setUp } from "../../scripts/setup.mjs";
import { nodeBinary } from "../../scripts/tools.mjs";
import { buildPrevious } from "./previous.mjs";

const MINUTES = 10;

await main(import.meta, async () => {
  await setUp();
  await buildRigs();
  await buildPrevious();
  const file = fileURLToPath(new URL("mixed.mjs", import.meta.url));
  const flags = ["--no-deprecation", "--test", `--test-timeout=${MINUTES * 60_000}`, "--test-reporter=spec"];
  return run(nodeBinary, [...flags, file], { stdio: [1, 2] });
});
