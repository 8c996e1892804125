// npm run setup: installs what is missing into the project's own folders, and nothing twice. Every other command begins
// with it, so it must be quick when nothing is missing.

import { Problem, main } from "./run.mjs";
import { installCargoTool, missingCargoTools, removeCompileDir } from "./setup/cargo-tools.mjs";
import { withLock } from "./setup/lock.mjs";
import { installPackages, packagesAreInstalled } from "./setup/packages.mjs";
import { checkLinker, installRust, rustIsInstalled } from "./setup/rust.mjs";
import { isSupportedPlatform, rustToolchain } from "./tools.mjs";

const NODE_MINIMUM = [20, 18];

export async function setUp() {
  checkMachine();
  if ((await missingSteps()).length === 0) return;
  await withLock("setup", async () => {
    const steps = await missingSteps(); // again: whoever held the lock may have done it all
    for (const [index, { name, install }] of steps.entries()) {
      await install(`set-up [${index + 1}/${steps.length}] ${name}`);
    }
    removeCompileDir();
  });
}

function checkMachine() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < NODE_MINIMUM[0] || (major === NODE_MINIMUM[0] && minor < NODE_MINIMUM[1])) {
    throw new Problem(`Node ${process.versions.node} is too old`, `install Node ${NODE_MINIMUM.join(".")} or newer`);
  }
  if (!isSupportedPlatform()) {
    throw new Problem(
      `Cloudflare's runtime does not exist for ${process.platform} on ${process.arch}`,
      "use Linux or macOS on x64 or arm64; on Windows, work inside WSL",
    );
  }
  checkLinker();
}

async function missingSteps() {
  const steps = [];
  if (!(await rustIsInstalled())) {
    steps.push({ name: `Rust ${rustToolchain().channel} with WebAssembly`, install: installRust });
  }
  if (!packagesAreInstalled()) steps.push({ name: "npm packages", install: installPackages });
  for (const tool of missingCargoTools()) {
    const name = `${tool.crate} ${tool.version}, compiled once`;
    steps.push({ name, install: (title) => installCargoTool(title, tool) });
  }
  return steps;
}

await main(import.meta, async () => {
  await setUp();
  process.stderr.write("set-up: complete\n");
});
