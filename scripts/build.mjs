// npm run build: the release build of the deployable Worker, build/index.js and build/index_bg.wasm. A stamp beside them
// holds the hash of everything the build read and wrote, so that nothing is built twice.

import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { Problem, follow, main } from "./run.mjs";
import { setUp } from "./setup.mjs";
import { withLock } from "./setup/lock.mjs";
import { CARGO_PROGRESS, cargoStatus, withProgress } from "./setup/progress.mjs";
import { BUILD_DIR, ROOT, TARGET_DIR, WASM_TARGET, cargoToolPath, rustEnvironment } from "./tools.mjs";

const STAMP = join(BUILD_DIR, ".stamp.json");
const OUTPUTS = ["build/index.js", "build/index_bg.wasm"];
/** What decides beside the sources; package-lock.json and scripts/tools.mjs hold the versions of the tools. */
const SETTINGS = [
  "Cargo.toml",
  "Cargo.lock",
  "build.rs",
  "rust-toolchain.toml",
  ".cargo/config.toml",
  "package-lock.json",
  "scripts/tools.mjs",
  "scripts/build.mjs",
];
/** cargo's list of all the files of this project that the compiler read, included ones too. */
const DEPENDENCY_LIST = join(TARGET_DIR, WASM_TARGET, "release", "sockjs_edge.d");
/** Lines that tell only that cargo, worker-build and esbuild are at work. What remains are warnings and errors. */
const NOISE =
  /^\s*(Compiling|Downloading|Downloaded|Updating|Locking|Adding|Building|Finished)\b|^\[INFO\]|^\s*index\.js\b|Done in/;

export async function build() {
  if (isUpToDate()) return;
  await withLock("build", async () => {
    if (!isUpToDate()) await compile();
  });
}

async function compile() {
  const started = Date.now();
  rmSync(STAMP, { force: true });
  await withProgress("build", async ({ status, line: say }) => {
    let quiet = true;
    const onLine = (line) => {
      const plain = stripVTControlCharacters(line);
      const now = cargoStatus(plain);
      if (now) status(now);
      if (plain.trim() !== "") quiet = NOISE.test(plain);
      if (!quiet) say(line);
    };
    const env = { ...rustEnvironment(), ...CARGO_PROGRESS, RUST_BACKTRACE: "0" };
    if (process.stderr.isTTY) env.CARGO_TERM_COLOR = "always";
    const args = ["--release", "--", "--features", "server"];
    const { code } = await follow(cargoToolPath("worker-build"), args, { cwd: ROOT, env, onLine });
    if (code !== 0) throw new Problem("the build failed, see above");
  });
  const inputs = [...SETTINGS, ...sources()];
  // What was edited meanwhile may have been read before or after: no stamp, and the next build looks again.
  if (inputs.some((file) => isNewer(file, started))) return;
  writeFileSync(STAMP, JSON.stringify(hashes([...inputs, ...OUTPUTS]), null, 1));
}

function isNewer(file, time) {
  return existsSync(join(ROOT, file)) && statSync(join(ROOT, file)).mtimeMs >= time;
}

function isUpToDate() {
  if (!existsSync(STAMP)) return false;
  const stamp = JSON.parse(readFileSync(STAMP, "utf8"));
  const now = hashes(Object.keys(stamp));
  return Object.keys(stamp).every((file) => now[file] === stamp[file]);
}

/** The files that went into the build, with the manifests of their crates. */
function sources() {
  const [, list] = readFileSync(DEPENDENCY_LIST, "utf8").split("\n")[0].split(/:(.*)/s);
  const files = list.match(/(?:\\.|[^\s\\])+/g).map((file) => relative(ROOT, file.replaceAll("\\ ", " ")));
  return [...new Set([...files, ...files.map(manifestOf)])];
}

function manifestOf(file) {
  let directory = dirname(file);
  while (!existsSync(join(ROOT, directory, "Cargo.toml"))) directory = dirname(directory);
  return join(directory, "Cargo.toml");
}

function hashes(files) {
  return Object.fromEntries(files.map((file) => [file, hash(join(ROOT, file))]));
}

function hash(file) {
  if (!existsSync(file)) return null;
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

await main(import.meta, async () => {
  await setUp();
  await build();
});
