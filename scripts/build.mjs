// npm run build: the release build of the deployable Worker, build/index.js and build/index_bg.wasm.

import { main } from "./run.mjs";
import { setUp } from "./setup.mjs";
import { BUILD_DIR, PACKAGE_DIR, RIGS_DIR } from "./tools.mjs";
import { buildWorker } from "./worker-build.mjs";

export const build = () => buildSmall({ title: "build", crate: "server/worker", library: "sockjs_worker", out: BUILD_DIR });

/** Builds the same Worker with the services that the tests need beside those it has. */
export const buildRigs = () =>
  buildSmall({ title: "build for the tests", crate: "tests/rigs", library: "sockjs_rigs", out: RIGS_DIR });

/** Builds the WebAssembly of the npm package. */
export const buildPackage = () =>
  buildSmall({ title: "build of the npm package", crate: "typescript/core", library: "sockjs_typescript", out: PACKAGE_DIR });

async function buildSmall(worker) {
  await buildWorker({
    ...worker,
    profile: "release",
    // No wasm-opt of its own: what that inlines stays inlined.
    args: ["--release", "--no-opt"],
    isDeployed: true,
  });
}

await main(import.meta, async () => {
  await setUp();
  await build();
});
