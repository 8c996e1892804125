// npm run fuzz: each fuzz target for some minutes, from its seeds and from what former runs learned. What it finds becomes
// a regression that the tests replay from then on.

import { cpSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Problem, UsageError, follow, main } from "./run.mjs";
import { setUp } from "./setup.mjs";
import { installCargoTool, missingCargoTools, removeCompileDir } from "./setup/cargo-tools.mjs";
import { withLock } from "./setup/lock.mjs";
import { CARGO_PROGRESS, cargoStatus, withProgress } from "./setup/progress.mjs";
import { CARGO_FUZZ, ROOT, TARGET_DIR, cargoToolPath, rustEnvironment } from "./tools.mjs";

const FUZZ_DIR = join(ROOT, "fuzz");
const FUZZ_TARGET_DIR = join(TARGET_DIR, "fuzz");
const TARGETS = readdirSync(join(FUZZ_DIR, "fuzz_targets")).map((file) => file.replace(".rs", "")).sort();

const USAGE = `usage: npm run fuzz [-- [--minutes N] [TARGET ...]]

  --minutes N   how long each target runs (default: 10)
  TARGET        only these of ${TARGETS.join(", ")}`;

/** No input that is no larger takes as long, so one that does hangs. */
const INPUT_TIMEOUT_SECONDS = 20;

/** No sanitizer: the code has nothing unsafe, and so the toolchain of the project will do. */
const BUILD = ["--fuzz-dir", FUZZ_DIR, "--target-dir", FUZZ_TARGET_DIR, "--sanitizer", "none", "--features", "libfuzzer"];

await main(import.meta, async () => {
  const { targets, minutes } = readArguments(process.argv.slice(2));
  await setUp();
  await installCargoFuzz();
  await withProgress("fuzz: build", async ({ status }) => {
    await cargoFuzz(["build", ...BUILD], (line) => status(cargoStatus(line) ?? ""), "the targets do not build");
  });
  const results = [];
  for (const target of targets) results.push(await runTarget(target, minutes));
  return summarize(results);
});

function readArguments(args) {
  try {
    const options = { minutes: { type: "string", default: "10" } };
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const minutes = Number(values.minutes);
    if (!(minutes > 0)) throw new Error(`--minutes takes a number above 0, not ${values.minutes}`);
    const unknown = positionals.find((target) => !TARGETS.includes(target));
    if (unknown) throw new Error(`there is no target ${unknown}`);
    return { targets: positionals.length > 0 ? positionals : TARGETS, minutes };
  } catch (error) {
    throw new UsageError(error.message, USAGE);
  }
}

/** Only who fuzzes needs it, so it is no part of the set-up. */
async function installCargoFuzz() {
  if (missingCargoTools([CARGO_FUZZ]).length === 0) return;
  await withLock("setup", async () => {
    for (const tool of missingCargoTools([CARGO_FUZZ])) {
      await installCargoTool(`set-up ${tool.crate} ${tool.version}`, tool);
    }
    removeCompileDir();
  });
}

async function runTarget(target, minutes) {
  const corpus = join(FUZZ_TARGET_DIR, "corpus", target);
  const regressions = join(FUZZ_DIR, "regressions", target);
  for (const directory of [corpus, regressions]) mkdirSync(directory, { recursive: true });
  cpSync(join(FUZZ_DIR, "seeds", target), corpus, { recursive: true });
  const known = new Set(readdirSync(regressions));

  const result = { target, executions: 0, coverage: 0 };
  const failure = await withProgress(`fuzz: ${target}, ${minutes} min`, async ({ status }) => {
    const flags = [
      `-max_total_time=${Math.ceil(minutes * 60)}`,
      `-timeout=${INPUT_TIMEOUT_SECONDS}`,
      `-report_slow_units=${INPUT_TIMEOUT_SECONDS}`,
      `-artifact_prefix=${regressions}/`,
    ];
    const onLine = (line) => {
      const [, executions, coverage] = /^#(\d+)\t.* cov: (\d+) /.exec(line) ?? [];
      if (!executions) return;
      Object.assign(result, { executions: Number(executions), coverage: Number(coverage) });
      status(`${executions} executions, coverage ${coverage}`);
    };
    const { code, output } = await follow(...command(["run", ...BUILD, target, corpus, "--", ...flags], onLine));
    return code === 0 ? undefined : output;
  });

  result.findings = readdirSync(regressions).filter((name) => !known.has(name));
  if (failure && result.findings.length === 0) throw new Problem(`${target} ended:\n${tail(failure)}`);
  if (failure) process.stderr.write(`${tail(failure)}\n`);
  return result;
}

async function cargoFuzz(args, onLine, problem) {
  const { code, output } = await follow(...command(args, onLine));
  if (code !== 0) throw new Problem(`${problem}:\n${tail(output)}`, "a C++ compiler has to be there (c++), for libFuzzer");
}

function command(args, onLine) {
  const optimized = {
    CARGO_PROFILE_RELEASE_LTO: "off",
    CARGO_PROFILE_RELEASE_OPT_LEVEL: "2",
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS: "16",
  };
  // Coverage is recorded by flags that only a nightly compiler takes without this.
  const env = { ...rustEnvironment(), ...CARGO_PROGRESS, ...optimized, RUSTC_BOOTSTRAP: "1" };
  return [cargoToolPath(CARGO_FUZZ.bin), args, { cwd: ROOT, env, onLine }];
}

function tail(output) {
  return output.trim().split("\n").slice(-60).join("\n");
}

function summarize(results) {
  const rows = [["target", "executions", "coverage", "findings"]];
  for (const { target, executions, coverage, findings } of results) {
    rows.push([target, String(executions), String(coverage), String(findings.length)]);
  }
  const line = ([target, ...figures]) => target.padEnd(10) + figures.map((figure) => figure.padStart(12)).join("");
  process.stdout.write(`\n${rows.map(line).join("\n")}\n`);
  const found = results.flatMap(({ target, findings }) => findings.map((name) => `fuzz/regressions/${target}/${name}`));
  if (found.length === 0) return 0;
  process.stdout.write(
    `\nfound:\n  ${found.join("\n  ")}\n` +
      "`cargo test --package sockjs-fuzz` fails with each. Mend the cause, give the file a name that says what it was, and\n" +
      "commit both.\n",
  );
  return 1;
}
