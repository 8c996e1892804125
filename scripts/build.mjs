// npm run build: the release build of the deployable Worker, build/index.js and build/index_bg.wasm.

import { main } from "./run.mjs";
import { setUp } from "./setup.mjs";
import { BUILD_DIR, RIGS_DIR } from "./tools.mjs";
import { buildWorker } from "./worker-build.mjs";

export const build = () => buildWith("server", { title: "build", out: BUILD_DIR });

/** The same Worker with the services that the tests need beside those it has. */
export const buildRigs = () => buildWith("rigs", { title: "build for the tests", out: RIGS_DIR });

async function buildWith(feature, worker) {
  await buildWorker({
    ...worker,
    crate: ".",
    library: "sockjs_edge",
    profile: "release",
    // No wasm-opt of its own: what that inlines stays inlined.
    args: ["--release", "--no-opt", "--", "--features", feature],
    isDeployed: true,
  });
}

await main(import.meta, async () => {
  await setUp();
  await build();
});
