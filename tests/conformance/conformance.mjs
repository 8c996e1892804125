// npm run conformance: the cases of the SockJS 0.3.3 protocol against a server, compared with what is expected of ours.
// Fails on any difference: a case that fails, and one that passes unexpectedly.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build, buildRigs } from "../../scripts/build.mjs";
import { UsageError, follow, main } from "../../scripts/run.mjs";
import { setUp } from "../../scripts/setup.mjs";
import { BUILD_DIR, RIGS_DIR, ROOT, nodeBinary } from "../../scripts/tools.mjs";
import { bundled } from "../harness/servers/bundled.mjs";
import { startReference } from "../harness/servers/reference.mjs";
import { startServer } from "../harness/servers/server.mjs";

const USAGE = `usage: [SOCKJS_URL=http://HOST:PORT] npm run conformance -- [--runs N] [--reference | --typescript] [--rigs] [--var NAME=VALUE] [NAME ...]

  SOCKJS_URL    a running server with the test services; without it ours is built and started
  --runs N      the cases N times over (default: 1)
  --var NAME=VALUE  a variable of ours, such as SOCKJS_WEBSOCKET_HOLDER=worker; may be repeated
  --rigs        against the Worker of the tests instead of the deployable one
  --typescript  against the same services in TypeScript, by the npm package
  --reference   against sockjs-node, which passes every case: one that fails there is a wrong case
  NAME          only the cases whose name contains it, such as XhrPolling or Websocket.test_close`;

const DIRECTORY = join(ROOT, "tests/conformance");
const FILE_TIMEOUT_MS = 300_000;
const PARALLEL_FILES = 4;

await main(import.meta, async () => {
  const { names, runs, reference, typescript, rigs, url, vars } = readArguments(process.argv.slice(2));
  await setUp();
  if (!reference && !url) await (rigs ? buildRigs() : build());
  const servers = {
    reference: startReference,
    typescript: async (owner) => startServer(owner, await bundled(join(ROOT, "tests/typescript/services.ts"), { name: "services" })),
    ours: (owner) => startServer(owner, { build: rigs ? RIGS_DIR : BUILD_DIR, vars }),
  };
  const target = url ? { url, stop() {} } : await start(servers[reference ? "reference" : typescript ? "typescript" : "ours"]);
  const differences = new Map();
  try {
    for (let run = 1; run <= runs; run += 1) {
      if (runs > 1) say(`\nrun ${run} of ${runs}`);
      for (const difference of await runCases(target.url, names, reference)) {
        differences.set(difference, (differences.get(difference) ?? 0) + 1);
      }
    }
  } finally {
    for (const [difference, count] of differences) say(runs > 1 ? `${difference} (${count} of ${runs} runs)` : difference);
    await target.stop();
  }
  return differences.size === 0 ? 0 : 1;
});

function readArguments(args) {
  const url = process.env.SOCKJS_URL?.replace(/\/+$/, "");
  try {
    const options = {
      runs: { type: "string", default: "1" },
      reference: { type: "boolean", default: false },
      typescript: { type: "boolean", default: false },
      rigs: { type: "boolean", default: false },
      var: { type: "string", multiple: true, default: [] },
    };
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    if (!/^[1-9]\d*$/.test(values.runs)) throw new Error(`--runs takes a number from 1, not ${values.runs}`);
    const own = ["reference", "typescript"].filter((name) => values[name]);
    if (own.length > 1) throw new Error("one of --reference and --typescript");
    if (url && own.length > 0) throw new Error(`--${own[0]} starts a server of its own: leave SOCKJS_URL out`);
    const wrong = values.var.find((given) => !/^\w+=/.test(given));
    if (wrong) throw new Error(`--var takes NAME=VALUE, not ${wrong}`);
    if ((url || own.length > 0) && values.var.length > 0) throw new Error("--var is for the server that is started here");
    if (url && !/^http:\/\/[^/]+$/.test(url)) throw new Error(`SOCKJS_URL takes http://HOST:PORT, not ${url}`);
    const all = Object.keys(readExpected());
    const unknown = positionals.find((part) => !all.some((name) => name.includes(part)));
    if (unknown) throw new Error(`no case has ${unknown} in its name`);
    const vars = Object.fromEntries(values.var.map((given) => given.split(/=(.*)/s, 2)));
    const isWanted = (name) => positionals.length === 0 || positionals.some((part) => name.includes(part));
    return { names: all.filter(isWanted), runs: Number(values.runs), reference: values.reference, typescript: values.typescript, rigs: values.rigs, url, vars };
  } catch (error) {
    throw new UsageError(error.message, USAGE);
  }
}

/** By the name of a case: "pass", or "fail: " and the reason why it cannot pass. */
function readExpected() {
  return JSON.parse(readFileSync(join(DIRECTORY, "expected.json"), "utf8"));
}

async function start(server) {
  const atEnd = [];
  const { url } = await server({ after: (end) => atEnd.push(end) });
  const stop = async () => {
    for (const end of atEnd) await end();
  };
  return { url, stop };
}

/** One run; resolves to what was not as expected. */
async function runCases(url, names, reference) {
  const results = new Map();
  const others = [];
  const onLine = (line) => {
    const result = readResult(line);
    if (!result) return void process.stderr.write(`${line}\n`);
    if (!names.includes(result.name)) {
      // A file: it is reported when it could not be run, and when none of its cases was asked for.
      if (!result.passed) others.push(`${result.name}: ${result.reason}`);
      return;
    }
    results.set(result.name, result.passed);
    say(result.passed ? `ok      ${result.name}` : `FAILED  ${result.name}: ${result.reason}`);
  };
  await follow(nodeBinary, nodeArguments(names), { cwd: ROOT, env: environment(url), onLine });

  const passed = [...results.values()].filter(Boolean).length;
  say(`\n${passed} passed, ${results.size - passed} failed`);
  return [...others, ...names.flatMap((name) => difference(name, results, reference))];
}

function nodeArguments(names) {
  const flags = [
    "--test",
    `--test-timeout=${FILE_TIMEOUT_MS}`,
    `--test-concurrency=${PARALLEL_FILES}`,
    `--test-reporter=${join(DIRECTORY, "reporter.mjs")}`,
    `--test-name-pattern=/^(${names.join("|").replaceAll(".", "\\.")})$/`,
  ];
  const cases = join(DIRECTORY, "cases");
  return [...flags, ...readdirSync(cases).sort().map((file) => join(cases, file))];
}

function environment(url) {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env; // in a test of Node's, the runner would report to that one
  return { ...env, SOCKJS_URL: url };
}

/** Returns the result of a case from a line of reporter.mjs; undefined for any other line. */
function readResult(line) {
  return line.startsWith('{"result":') ? JSON.parse(line).result : undefined;
}

function difference(name, results, reference) {
  const expected = readExpected()[name];
  const isExpected = reference || expected === "pass";
  if (!results.has(name)) return [`not run: ${name}`];
  if (results.get(name) === isExpected) return [];
  return [isExpected ? `unexpected failure: ${name}` : `unexpected pass: ${name}, although expected.json says ${expected}`];
}

function say(line) {
  process.stdout.write(`${line}\n`);
}
