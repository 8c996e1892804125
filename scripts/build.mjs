// npm run build: the release build of the deployable Worker, build/index.js and build/index_bg.wasm.

import { main } from "./run.mjs";
import { setUp } from "./setup.mjs";
import { BUILD_DIR } from "./tools.mjs";
import { buildWorker } from "./worker-build.mjs";

export async function build() {
  await buildWorker({
    title: "build",
    crate: ".",
    library: "sockjs_edge",
    profile: "release",
    out: BUILD_DIR,
    // No wasm-opt of its own: what that inlines stays inlined.
    args: ["--release", "--no-opt", "--", "--features", "server"],
    isDeployed: true,
  });
}

await main(import.meta, async () => {
  await setUp();
  await build();
});
