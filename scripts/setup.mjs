// npm run setup: installs what is missing into the project's own folders, and nothing twice. Every other command begins
// with it, so it must be quick when nothing is missing.

import { Problem, main } from "./run.mjs";
import { installCargoTool, missingCargoTools, removeCompileDir } from "./setup/cargo-tools.mjs";
import { withLock } from "./setup/lock.mjs";
import { installPackages, packagesAreInstalled } from "./setup/packages.mjs";
import { fetchReleased } from "./setup/released.mjs";
import { checkLinker, installRust, rustIsInstalled } from "./setup/rust.mjs";
import { breakdown, runChains } from "./setup/steps.mjs";
import { isSupportedPlatform, rustToolchain } from "./tools.mjs";

/** Of the Node that runs the set-up. Everything after it runs on the Node 22 that it installs, which npm puts first in `PATH`. */
export const NODE_MINIMUM = [20, 18];

export async function setUp() {
  checkMachine();
  if ((await missingChains()).length === 0) return;
  await withLock("setup", async () => {
    const started = Date.now();
    const done = await runChains(await missingChains()); // again: whoever held the lock may have done it all
    removeCompileDir();
    if (done.length > 0) process.stderr.write(breakdown(done, Date.now() - started));
  });
}

function checkMachine() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < NODE_MINIMUM[0] || (major === NODE_MINIMUM[0] && minor < NODE_MINIMUM[1])) {
    throw new Problem(
      `Node ${process.versions.node} is too old`,
      `install Node ${NODE_MINIMUM.join(".")} or newer; it only has to start the set-up, which installs Node 22 into this folder`,
    );
  }
  if (!isSupportedPlatform()) {
    throw new Problem(
      `Cloudflare's runtime does not exist for ${process.platform} on ${process.arch}`,
      "use Linux or macOS on x64 or arm64; on Windows, work inside WSL",
    );
  }
  checkLinker();
}

/** Returns what is missing, as chains that run side by side: npm waits for its network while cargo compiles. */
async function missingChains() {
  const rust = [];
  if (!(await rustIsInstalled())) {
    rust.push({ name: `Rust ${rustToolchain().channel} with WebAssembly`, install: installRust });
  }
  for (const tool of missingCargoTools()) {
    rust.push({
      name: `${tool.crate} ${tool.version}`,
      prepare: (signal) => fetchReleased(tool, { signal }),
      install: async (title, signal, released) => installCargoTool(title, tool, { released: await released, signal }),
    });
  }
  const npm = [];
  if (!packagesAreInstalled()) {
    const note = rust.length > 0 ? "side by side with the others" : undefined;
    npm.push({ name: "npm packages", install: (title, signal) => installPackages(title, signal).then(() => note) });
  }
  return [rust, npm].filter((chain) => chain.length > 0);
}

await main(import.meta, async () => {
  await setUp();
  process.stderr.write("set-up: complete\n");
});
