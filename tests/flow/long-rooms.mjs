// npm run rooms: the tests of crowded rooms in their long form. It prints how fast the members were.

import { fileURLToPath } from "node:url";
import { buildRigs } from "../../scripts/build.mjs";
import { main, run } from "../../scripts/run.mjs";
import { setUp } from "../../scripts/setup.mjs";
import { nodeBinary } from "../../scripts/tools.mjs";

const FILES = ["crowded-rooms.test.mjs", "unpaced.test.mjs"].map((name) => fileURLToPath(new URL(name, import.meta.url)));

await main(import.meta, async () => {
  await setUp();
  await buildRigs();
  const flags = ["--no-deprecation", "--test", "--test-reporter=spec", "--test-concurrency=1"];
  return run(nodeBinary, [...flags, ...FILES], { env: { ...process.env, SOCKJS_ROOMS: "long" } });
});
