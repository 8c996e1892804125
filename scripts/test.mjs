// npm test: lint, Rust tests, then the tests in Node and the protocol's cases against the built Worker. All run even after
// a failure, and a summary ends it. `npm test -- FILE...` runs those Node test files alone, `npm run test:quick` what quick-tests.mjs
// lists.

import { existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join, resolve, sep } from "node:path";
import { parseArgs } from "node:util";
import { build, buildRigs } from "./build.mjs";
import { buildExamples, exampleNames } from "./examples.mjs";
import { QUICK_CHECKS, QUICK_TESTS } from "./quick-tests.mjs";
import { Problem, UsageError, follow, main, run } from "./run.mjs";
import { setUp } from "./setup.mjs";
import { findChromium } from "./setup/chromium.mjs";
import { ROOT, TARGET_DIR, WASM_TARGET, nodeBinary, rustEnvironment } from "./tools.mjs";

const USAGE = `usage: npm test [-- FILE...]        all tests, or these files of tests/
       npm run test:quick | lint | test:rust | test:node [-- FILE...]`;

/** Node applies its flag to each file as a whole; the tests set the limits of single tests. Some long forms take half an hour. */
const FILE_TIMEOUT_MS = process.env.SOCKJS_FULL ? 3_600_000 : 1_200_000;
const PARALLEL_FILES = 3;
const PARALLEL_QUICK_FILES = 4;

const FAILURES_REPORTER = join(ROOT, "scripts/failures-reporter.mjs");
const FAILURES = join(TARGET_DIR, "failed-node-tests.txt");

const CONFORMANCE = "tests/conformance/conformance.mjs";
const EXAMPLE_TESTS = join(ROOT, "tests/examples") + sep;

const GROUPS = ["lint", "rust", "node", "quick"];
/** Lints of the library that examples keep, too: a panic resets every connection of the isolate. */
const PANICS = ["expect_used", "unwrap_used", "indexing_slicing", "panic", "unreachable", "todo", "await_holding_refcell_ref"];
/** Crates that are built here alone, and depend on each other without a version. */
const UNPUBLISHED = ["sockjs-server", "sockjs-worker", "sockjs-rigs", "sockjs-typescript"];
const CARGO_CHECKS = [
  { group: "lint", name: "rustfmt", args: ["fmt", "--all", "--check"] },
  { group: "lint", name: "clippy", args: ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"] },
  {
    group: "lint",
    name: "clippy, WebAssembly",
    args: ["clippy", ...["sockjs-edge", ...UNPUBLISHED].flatMap((name) => ["--package", name]), "--target", WASM_TARGET, "--", "-D", "warnings"],
  },
  { group: "lint", name: "rustdoc", args: ["doc", "--workspace", "--no-deps"] },
  {
    group: "lint",
    name: "clippy, examples",
    args: ["clippy", ...exampleNames().flatMap((name) => ["--package", name]), "--", "-D", "warnings"].concat(
      PANICS.flatMap((lint) => ["-D", `clippy::${lint}`]),
    ),
  },
  // Not compiled once more from the packages: a test reads what is in them, and the rest is compiled above.
  { group: "lint", name: "cargo package", args: ["package", "--workspace", ...UNPUBLISHED.flatMap((name) => ["--exclude", name]), "--allow-dirty", "--no-verify", "--quiet"] },
  { group: "rust", name: "cargo test", args: ["test", "--workspace"] },
  { group: "quick", name: "cargo test, protocol", args: ["test", "--package", "sockjs-protocol"] },
];

await main(import.meta, async () => {
  const { only, files, given } = readArguments(process.argv.slice(2));
  await setUp();
  const wants = (group) => (only ? only === group : group !== "quick");
  const isQuick = only === "quick";

  const checks = CARGO_CHECKS.filter(({ group, name }) => wants(group) || (isQuick && QUICK_CHECKS.includes(name))).map(({ name, args }) => ({
    name,
    isCargo: true,
    body: () => (isQuick ? runSilently : run)("cargo", args, { cwd: ROOT, env: { ...rustEnvironment(), RUSTDOCFLAGS: "-D warnings" } }),
  }));
  if (wants("node") || isQuick) {
    if (files.some((file) => readFileSync(file, "utf8").includes("startChromium"))) {
      checks.push({ name: "Chromium", body: () => findChromium().then(() => 0) });
    }
    checks.push({ name: "build and node tests", body: () => runNodeTests(files, { isQuick }) });
  }
  const conformance = (...args) => () => run(nodeBinary, [CONFORMANCE, ...args], { cwd: ROOT });
  if (wants("node") && !given) {
    checks.push({ name: "conformance", body: conformance() });
    const held = ["--var", "SOCKJS_WEBSOCKET_HOLDER=worker", "Websocket"];
    checks.push({ name: "conformance, WebSockets that the Worker holds", body: conformance(...held) });
    checks.push({ name: "conformance, services in TypeScript", body: conformance("--typescript") });
  }
  if (isQuick) checks.push({ name: "conformance", body: conformance("--rigs") });

  rmSync(FAILURES, { force: true });
  // Most of the quick tests wait for a clock, while cargo compiles.
  const chains = isQuick ? [checks.filter(({ isCargo }) => isCargo), checks.filter(({ isCargo }) => !isCargo)] : [checks];
  const results = (await Promise.all(chains.map(runChecks))).flat();
  summarize(results);
  return results.every(({ code }) => code === 0) ? 0 : 1;
});

function readArguments(args) {
  try {
    const { values, positionals } = parseArgs({ args, options: { only: { type: "string" } }, allowPositionals: true });
    const missing = positionals.find((file) => !existsSync(file));
    if (missing) throw new Error(`there is no file ${missing}`);
    if (values.only && !GROUPS.includes(values.only)) throw new Error(`--only takes one of ${GROUPS.join(", ")}`);
    const only = positionals.length > 0 ? "node" : values.only;
    const given = positionals.length > 0;
    const ofGroup = only === "quick" ? QUICK_TESTS.map((name) => join(ROOT, "tests", name)) : nodeTestFiles();
    return { only, given, files: given ? positionals : ofGroup };
  } catch (error) {
    throw new UsageError(error.message, USAGE);
  }
}

function nodeTestFiles() {
  const directory = join(ROOT, "tests");
  if (!existsSync(directory)) return [];
  const names = readdirSync(directory, { recursive: true }).filter((name) => name.endsWith(".test.mjs"));
  return names.sort().map((name) => join(directory, name));
}

async function runNodeTests(files, { isQuick }) {
  if (files.length === 0) return 0;
  if (!isQuick) await build(); // the quick tests need only the Worker of the tests
  await buildRigs();
  if (files.some((file) => resolve(file).startsWith(EXAMPLE_TESTS))) await buildExamples();
  const reporters = { spec: "stdout", [FAILURES_REPORTER]: FAILURES };
  const flags = [`--test-timeout=${FILE_TIMEOUT_MS}`, `--test-concurrency=${isQuick ? PARALLEL_QUICK_FILES : PARALLEL_FILES}`];
  flags.push(...Object.entries(reporters).flatMap(([reporter, to]) => [`--test-reporter=${reporter}`, `--test-reporter-destination=${to}`]));
  return run(nodeBinary, ["--test", ...flags, ...files], { cwd: ROOT });
}

async function runChecks(checks) {
  const results = [];
  for (const check of checks) results.push(await runCheck(check));
  return results;
}

async function runCheck({ name, body }) {
  process.stderr.write(`\n=== ${name}\n`);
  const started = Date.now();
  const code = await body().catch(failureCode);
  return { name, code, seconds: ((Date.now() - started) / 1_000).toFixed(1) };
}

/** Runs a program beside others; shows its output, as one block, only if it fails. */
async function runSilently(command, args, options) {
  const { code, output } = await follow(command, args, options);
  if (code !== 0) process.stderr.write(`\n=== ${command} ${args.join(" ")}\n${output}`);
  return code;
}

/** A failed build must not hide the other results. */
function failureCode(error) {
  if (!(error instanceof Problem)) throw error;
  process.stderr.write(`error: ${error.message}\n${error.fix ? `fix:   ${error.fix}\n` : ""}`);
  return 1;
}

function summarize(results) {
  const lines = results.map(({ name, code, seconds }) => `${code === 0 ? "ok    " : "FAILED"}  ${name} (${seconds} s)`);
  process.stderr.write(`\n=== summary\n${lines.join("\n")}\n`);
  const failures = existsSync(FAILURES) ? readFileSync(FAILURES, "utf8") : "";
  if (failures) process.stderr.write(`\n=== failed Node tests\n${failures}`);
  const failed = results.filter(({ code }) => code !== 0).map(({ name }) => name);
  process.stderr.write(`\n${failed.length > 0 ? `FAILED: ${failed.join(", ")}` : "all passed"}\n`);
}
