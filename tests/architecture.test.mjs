// The arrow is root -> durable -> protocol, and the protocol knows neither runtime nor clock.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { follow } from "../scripts/run.mjs";
import { ROOT, WASM_TARGET, rustEnvironment } from "../scripts/tools.mjs";

const RUNTIME = ["worker", "worker-sys", "worker-macros", "js-sys", "web-sys", "wasm-bindgen", "wasm-bindgen-futures"];
const CLOCKS = ["chrono", "time", "instant", "web-time", "jiff", "quanta", "wasm-timer", "coarsetime"];
const RANDOMNESS = ["rand", "rand_core", "getrandom", "fastrand", "uuid"];

test("the protocol crate depends on no runtime, no clock and no randomness", async () => {
  const crates = await dependencies("sockjs-protocol");
  assert.ok(crates.includes("serde_json"), "the list of dependencies is complete");
  const forbidden = [...RUNTIME, ...CLOCKS, ...RANDOMNESS].filter((name) => crates.includes(name));
  assert.deepEqual(forbidden, []);
});

test("the crates depend on one another in one direction: root, durable, protocol", async () => {
  const ours = async (crate) => (await dependencies(crate)).filter((name) => name.startsWith("sockjs-")).sort();
  assert.deepEqual(await ours("sockjs-protocol"), []);
  assert.deepEqual(await ours("sockjs-durable"), ["sockjs-protocol"]);
  assert.deepEqual(await ours("sockjs-edge"), ["sockjs-durable", "sockjs-protocol"]);
});

test("the protocol's sources read no clock of the standard library", () => {
  const directory = join(ROOT, "protocol/src");
  const files = readdirSync(directory, { recursive: true }).filter((name) => name.endsWith(".rs"));
  assert.notEqual(files.length, 0);
  const code = (file) => readFileSync(join(directory, file), "utf8").replace(/\/\/.*/g, "");
  assert.deepEqual(files.filter((file) => /\b(Instant|SystemTime)\b/.test(code(file))), []);
});

test("docs/api.md lists all that the root crate exports, and nothing else", () => {
  const lib = readFileSync(join(ROOT, "src/lib.rs"), "utf8");
  const exported = [...lib.matchAll(/^pub use (?:[\w:]+::)(?:\{([^}]*)\}|(\w+));/gm)].flatMap(([, list, one]) =>
    (list ?? one).split(",").map((name) => name.trim()).filter(Boolean),
  );
  const [, table] = /\| item \| what it is \|\n\|---\|---\|\n((?:\|.*\n)+)/.exec(readFileSync(join(ROOT, "docs/api.md"), "utf8"));
  const items = table.trim().split("\n").flatMap((row) => [...row.split("|")[1].matchAll(/`(\w+)!?`/g)].map(([, name]) => name));
  assert.deepEqual(items.sort(), exported.sort());
});

/** The names of all crates that end up in a Worker with `crate`: those of its tests and build scripts do not count. */
async function dependencies(crate) {
  const selection = ["--package", crate, "--edges", "normal", "--target", WASM_TARGET];
  const args = ["tree", "--offline", "--locked", ...selection, "--prefix", "none", "--format", "{p}"];
  const { code, output } = await follow("cargo", args, { cwd: ROOT, env: rustEnvironment() });
  assert.equal(code, 0, output);
  const names = output.split("\n").flatMap((line) => /^(\S+) v\d/.exec(line)?.[1] ?? []);
  return [...new Set(names)].filter((name) => name !== crate);
}
