// npm run examples: every example is built, for its tests. They want it soon rather than small and fast, so it is not
// optimized; `wrangler dev` and `wrangler deploy` in an example's own folder build it as its wrangler.toml says.

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { main } from "./run.mjs";
import { setUp } from "./setup.mjs";
import { ROOT, TARGET_DIR } from "./tools.mjs";
import { workerConfig } from "./worker-config.mjs";
import { buildWorker } from "./worker-build.mjs";

const DIRECTORY = "examples";

export function exampleNames() {
  const isExample = (name) => existsSync(join(ROOT, DIRECTORY, name, "Cargo.toml"));
  return readdirSync(join(ROOT, DIRECTORY)).filter(isExample).sort();
}

/** The built example, as `startServer` and `startMiniflare` take it. */
export function example(name) {
  return { build: join(TARGET_DIR, "workers", name), config: workerConfig({ file: `${DIRECTORY}/${name}/wrangler.toml` }) };
}

export async function buildExamples() {
  for (const name of exampleNames()) {
    await buildWorker({
      title: `example ${name}`,
      crate: join(DIRECTORY, name),
      library: name,
      profile: "quick",
      out: example(name).build,
      args: ["--profile", "quick", "--no-opt"],
    });
  }
}

await main(import.meta, async () => {
  await setUp();
  await buildExamples();
});
