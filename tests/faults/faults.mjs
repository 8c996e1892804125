// npm run faults: objects and servers broken in every way, and what comes through. Shows for each fault, level and transport
// how often it failed, and what was lost or doubled where that may be.

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildRigs } from "../../scripts/build.mjs";
import { UsageError, follow, main } from "../../scripts/run.mjs";
import { setUp } from "../../scripts/setup.mjs";
import { ROOT, nodeBinary } from "../../scripts/tools.mjs";

const USAGE = `usage: npm run faults -- [--runs N] [FILE ...]

  --runs N   the tests N times over (default: 1)
  FILE       only these of tests/faults/
  SOCKJS_FAULTS_SEED=N, in the environment, repeats the moments of a run that failed`;

const DIRECTORY = join(ROOT, "tests/faults");
const FILE_TIMEOUT_MS = 600_000;
/** Most of them wait most of the time. */
const PARALLEL_FILES = 4;
const SEED = /^SOCKJS_FAULTS_SEED=/;

await main(import.meta, async () => {
  const { files, runs } = readArguments(process.argv.slice(2));
  await setUp();
  await buildRigs();
  const faults = new Map();
  const codes = [];
  try {
    for (let run = 1; run <= runs; run += 1) {
      const started = Date.now();
      codes.push(await runOnce(files, faults));
      const seconds = ((Date.now() - started) / 1_000).toFixed(0);
      say(`run ${run} of ${runs}: ${codes.at(-1) === 0 ? "ok" : "FAILED"} (${seconds} s)`);
    }
  } finally {
    show(faults);
  }
  return codes.every((code) => code === 0) ? 0 : 1;
});

function readArguments(args) {
  try {
    const { values, positionals } = parseArgs({ args, options: { runs: { type: "string", default: "1" } }, allowPositionals: true });
    if (!/^[1-9]\d*$/.test(values.runs)) throw new Error(`--runs takes a number from 1, not ${values.runs}`);
    const missing = positionals.find((file) => !existsSync(file));
    if (missing) throw new Error(`there is no file ${missing}`);
    const all = readdirSync(DIRECTORY).filter((name) => name.endsWith(".test.mjs")).sort();
    const files = positionals.length > 0 ? positionals : all.map((name) => join(DIRECTORY, name));
    return { files, runs: Number(values.runs) };
  } catch (error) {
    throw new UsageError(error.message, USAGE);
  }
}

/** One run, added to `faults`; resolves to its exit code. */
async function runOnce(files, faults) {
  let latest;
  let passed;
  const onLine = (line) => {
    if (!line.startsWith('{"fault":')) return void process.stderr.write(`${line}\n`);
    const { fault } = JSON.parse(line);
    if (fault.counted === undefined) {
      latest = add(faults, fault);
      passed = fault.passed;
      if (!passed) say(`FAILED  ${fault.file}: ${fault.name}\n${fault.reason}`);
    } else if (SEED.test(fault.counted)) {
      if (!passed) say(fault.counted);
    } else {
      count(latest.counts, fault.counted);
    }
  };
  const flags = [
    "--test",
    `--test-timeout=${FILE_TIMEOUT_MS}`,
    `--test-concurrency=${PARALLEL_FILES}`,
    `--test-reporter=${join(DIRECTORY, "rig/reporter.mjs")}`,
  ];
  const { code } = await follow(nodeBinary, [...flags, ...files], { cwd: ROOT, onLine });
  return code;
}

function add(faults, { file, name, passed }) {
  const key = `${file}: ${name}`;
  if (!faults.has(key)) faults.set(key, { file, name, runs: 0, failures: 0, counts: new Map() });
  const fault = faults.get(key);
  fault.runs += 1;
  if (!passed) fault.failures += 1;
  return fault;
}

/** Adds up the numbers of texts that differ in nothing else. */
function count(counts, text) {
  const words = text.replace(/\d+/g, "#");
  const numbers = text.match(/\d+/g)?.map(Number) ?? [];
  const before = counts.get(words) ?? numbers.map(() => 0);
  counts.set(words, numbers.map((number, at) => number + before[at]));
}

/** By what is broken and how: each level and transport. */
function show(faults) {
  const groups = new Map();
  for (const fault of faults.values()) {
    const [, kind, what] = /^((?:default|outbox)[^:]*): (.*)$/.exec(fault.name) ?? [, "", fault.name];
    const title = `${fault.file}: ${what}`;
    if (!groups.has(title)) groups.set(title, []);
    groups.get(title).push({ kind, ...fault });
  }
  for (const [title, kinds] of groups) {
    say(`\n${title}`);
    for (const { kind, runs, failures, counts } of kinds) {
      const counted = [...counts].map(([words, numbers]) => words.replace(/#/g, () => numbers.shift()));
      say(`  ${kind.padEnd(24)} ${runs} runs, ${failures} failed${counted.map((text) => `; ${text}`).join("")}`);
    }
  }
}

function say(line) {
  process.stdout.write(`${line}\n`);
}
