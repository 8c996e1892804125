// npm run msrv: checks that everything that becomes a Worker compiles with the oldest Rust that Cargo.toml states. That
// toolchain is installed by rustup, beside the one that the project is developed with.

import { Problem, main, run } from "./run.mjs";
import { setUp } from "./setup.mjs";
import { ROOT, TARGET_DIR, WASM_TARGET, readToml, rustEnvironment } from "./tools.mjs";

await main(import.meta, async () => {
  await setUp();
  const version = `${readToml("Cargo.toml").workspace.package["rust-version"]}.0`;
  // A folder of its own, so that the two toolchains do not undo each other's work.
  const env = { ...rustEnvironment(), RUSTUP_TOOLCHAIN: version, CARGO_TARGET_DIR: `${TARGET_DIR}/msrv` };
  const options = { cwd: ROOT, env };
  const install = ["toolchain", "install", version, "--profile", "minimal", "--no-self-update", "--target", WASM_TARGET];
  if ((await run("rustup", install, options)) !== 0) throw new Problem(`Rust ${version} could not be installed, see above`);
  return run("cargo", ["check", "--locked", "--workspace", "--target", WASM_TARGET], options);
});
