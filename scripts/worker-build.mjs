// One crate becomes one Worker, by worker-build: index.js and index_bg.wasm. A stamp beside them holds the hash of
// everything the build read and wrote, so that nothing is built twice.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { withOrderedNames } from "./function-order.mjs";
import { Problem, follow } from "./run.mjs";
import { withLock } from "./setup/lock.mjs";
import { CARGO_PROGRESS, cargoStatus, withProgress } from "./setup/progress.mjs";
import { ROOT, TARGET_DIR, WASM_TARGET, cargoToolPath, rustEnvironment, wasmOptBinary } from "./tools.mjs";

const OUTPUTS = ["index.js", "index_bg.wasm"];
/** What decides beside the sources; package-lock.json and scripts/tools.mjs hold the versions of the tools. */
const SETTINGS = [
  "Cargo.toml",
  "Cargo.lock",
  "server/build.rs",
  "rust-toolchain.toml",
  ".cargo/config.toml",
  "package-lock.json",
  "scripts/build.mjs",
  "scripts/examples.mjs",
  "scripts/function-order.mjs",
  "scripts/tools.mjs",
  "scripts/worker-build.mjs",
];
/** What the compiler may have used, which is what worker-build names: not all that wasm-opt knows, the runtime does. */
const WASM_FEATURES = [
  "mutable-globals",
  "sign-ext",
  "nontrapping-float-to-int",
  "bulk-memory",
  "multivalue",
  "reference-types",
  "exception-handling",
].map((feature) => `--enable-${feature}`);
/** Lines that tell only that cargo, worker-build and esbuild are at work. What remains are warnings and errors. */
const NOISE =
  /^\s*(Compiling|Downloading|Downloaded|Updating|Locking|Adding|Building|Finished)\b|^\[INFO\]|^\s*index\.js\b|Done in/;

/**
 * Builds the Worker, if anything changed.
 *
 * @param {object} worker
 * @param {string} worker.title what is shown while it is built
 * @param {string} worker.crate folder of its crate, from the project's root
 * @param {string} worker.library the crate's library, as cargo names its files
 * @param {string} worker.profile folder of its profile among cargo's files
 * @param {string} worker.out folder of the result
 * @param {string[]} worker.args for worker-build
 * @param {boolean} [worker.isDeployed] whether its size matters more than names in a stack trace
 */
export async function buildWorker(worker) {
  if (isUpToDate(worker)) return;
  await withLock("build", async () => {
    if (!isUpToDate(worker)) await compile(worker);
  });
}

async function compile(worker) {
  const started = Date.now();
  rmSync(stampOf(worker), { force: true });
  mkdirSync(worker.out, { recursive: true });
  await withProgress(worker.title, async ({ status, line: say }) => {
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
    const args = ["--out-dir", worker.out, ...worker.args];
    const { code } = await follow(cargoToolPath("worker-build"), args, { cwd: join(ROOT, worker.crate), env, onLine });
    if (code !== 0) throw new Problem("the build failed, see above");
    const script = join(worker.out, "index.js");
    writeFileSync(script, withoutRepeatedKeys(readFileSync(script, "utf8")));
    if (worker.isDeployed) await shrink(join(worker.out, "index_bg.wasm"), say);
  });
  const inputs = [...SETTINGS, ...sources(worker)];
  // What was edited meanwhile may have been read before or after: no stamp, and the next build looks again.
  if (inputs.some((file) => isNewer(file, started))) return;
  const outputs = OUTPUTS.map((file) => relative(ROOT, join(worker.out, file)));
  writeFileSync(stampOf(worker), JSON.stringify(hashes([...inputs, ...outputs]), null, 1));
}

/**
 * wasm-bindgen (0.2.129) lists a snippet once for each block of imports from it, all with the same value, and every bundler that
 * reads the result warns of that. The last one stays.
 */
function withoutRepeatedKeys(script) {
  return script.replaceAll(/"(\.\/snippets\/[^"]+)":[\w$]+,(?=[^]*?"\1":)/g, "");
}

/**
 * What worker-build would have wasm-opt do, and more: what is smaller starts sooner. An offset may be part of a load, since the
 * lowest memory is the far end of the stack. A function with one caller stays a function. Once all are nearly as they will
 * be, they are put in an order that compresses well, for which that of Rust's names is a good start. The hints at alignment go,
 * which the runtime does not read, and the names.
 */
async function shrink(file, onLine) {
  const optimize = async (...passes) => {
    const settings = [...WASM_FEATURES, "--low-memory-unused", "--one-caller-inline-max-function-size=0"];
    const { code } = await follow(wasmOptBinary, [...settings, ...passes, file, "-o", file], { onLine });
    if (code !== 0) throw new Problem("wasm-opt failed, see above");
  };
  const round = ["-Os", "--gufa-optimizing"];
  await optimize(...round, ...round, "--reorder-functions-by-name", "--strip-debug", "--strip-producers");
  writeFileSync(file, withOrderedNames(readFileSync(file)));
  await optimize("-Os", "--reorder-functions-by-name", "--dealign", "--strip-debug");
}

function stampOf({ out }) {
  return join(out, ".stamp.json");
}

function isNewer(file, time) {
  return existsSync(join(ROOT, file)) && statSync(join(ROOT, file)).mtimeMs >= time;
}

function isUpToDate(worker) {
  if (!existsSync(stampOf(worker))) return false;
  const stamp = JSON.parse(readFileSync(stampOf(worker), "utf8"));
  const now = hashes(Object.keys(stamp));
  return Object.keys(stamp).every((file) => now[file] === stamp[file]);
}

/** The files that went into the build, with the manifests of their crates. */
function sources({ profile, library }) {
  // cargo's list of all the files of this project that the compiler read, included ones too.
  const list = readFileSync(join(TARGET_DIR, WASM_TARGET, profile, `${library}.d`), "utf8").split("\n")[0];
  const [, paths] = list.split(/:(.*)/s);
  const listed = paths.match(/(?:\\.|[^\s\\])+/g).map((file) => relative(ROOT, file.replaceAll("\\ ", " ")));
  // A folder stands in it for the files that may come. What server/build.rs wrote follows from the other files, and is new in each
  // first build.
  const isSource = (file) => !file.startsWith("target/") && !statSync(join(ROOT, file)).isDirectory();
  const files = listed.filter(isSource);
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
