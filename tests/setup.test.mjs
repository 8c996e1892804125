// The set-up: its steps side by side, programs that are fetched, the browser for the tests, and what the documentation says of it.

import assert from "node:assert/strict";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { QUICK_CHECKS, QUICK_TESTS } from "../scripts/quick-tests.mjs";
import { Problem, follow } from "../scripts/run.mjs";
import { NODE_MINIMUM } from "../scripts/setup.mjs";
import { installCargoTool, missingCargoTools } from "../scripts/setup/cargo-tools.mjs";
import { findChromium } from "../scripts/setup/chromium.mjs";
import { fetchReleased } from "../scripts/setup/released.mjs";
import { breakdown, runChains } from "../scripts/setup/steps.mjs";
import { ROOT, cargoToolPath } from "../scripts/tools.mjs";
import { removeDirectory, temporaryDirectory } from "./harness/machine/temporary.mjs";

const TOOL = { crate: "tool-cli", version: "1.2.3", bin: "tool" };
const read = (file) => readFileSync(join(ROOT, file), "utf8");

test("chains run side by side, the steps of a chain one after another", async () => {
  const log = [];
  const step = (name, ms, note) => ({
    name,
    prepare: () => log.push(`prepare ${name}`),
    async install(title) {
      log.push(title);
      await sleep(ms);
      log.push(`end ${name}`);
      return note;
    },
  });
  const done = await runChains([[step("rust", 50), step("tool", 1, "compiled")], [step("npm", 10)]]);
  assert.deepEqual(log, [
    "prepare rust", "prepare tool", "prepare npm",
    "set-up [1/3] rust", "set-up [2/3] npm", "end npm", "end rust", "set-up [3/3] tool", "end tool",
  ]);
  assert.deepEqual(done.map(({ name, note }) => [name, note]), [["npm", undefined], ["rust", undefined], ["tool", "compiled"]]);
});

test("a step that fails ends the other chains, and its error is the one that is shown", async () => {
  const failing = { name: "npm", install: () => Promise.reject(new Problem("no network")) };
  const sleeping = { name: "tool", install: (_title, signal) => follow("sleep", ["60"], { signal }) };
  const never = { name: "next", install: () => assert.fail("begun after the failure") };
  const started = Date.now();
  await assert.rejects(runChains([[sleeping, never], [failing]]), /no network/);
  assert.ok(Date.now() - started < 30_000);
});

test("the breakdown has a line for each step, with its time and its note", () => {
  const steps = [{ name: "npm packages", ms: 31_000 }, { name: "tool", ms: 125_000, note: "compiled" }];
  assert.equal(
    breakdown(steps, 126_000),
    "set-up: 2 min 6 s, once in this folder\n  npm packages         31 s\n  tool            2 min 5 s  compiled\n",
  );
});

/** Serves an archive with a program that says that version. */
async function serveRelease(t, version) {
  const directory = temporaryDirectory();
  const program = join(directory, "release", TOOL.bin);
  await follow("mkdir", [join(directory, "release")]);
  writeFileSync(program, `#!/bin/sh\necho tool ${version}\n`);
  chmodSync(program, 0o755);
  await follow("tar", ["-czf", join(directory, "archive"), "-C", directory, "release"]);
  const paths = [];
  const server = createServer(({ url }, response) => {
    paths.push(url);
    if (version) response.end(readFileSync(join(directory, "archive")));
    else response.writeHead(404).end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
    removeDirectory(directory);
  });
  return { paths, directory, releases: { [TOOL.crate]: `http://127.0.0.1:${server.address().port}` } };
}

test("a released program is fetched and linked, and is missing again when another version is wanted", async (t) => {
  const { releases, paths } = await serveRelease(t, TOOL.version);
  const released = await fetchReleased(TOOL, { releases });
  t.after(() => {
    removeDirectory(dirname(released.program));
    removeDirectory(cargoToolPath(TOOL.bin));
  });
  assert.match(paths[0], /^\/1\.2\.3\/tool-1\.2\.3-\w+-[\w-]+\.tar\.gz$/);
  assert.deepEqual(missingCargoTools([TOOL]), [TOOL]);
  assert.equal(await installCargoTool("tool", TOOL, { released }), "fetched, not compiled");
  assert.equal((await follow(cargoToolPath(TOOL.bin), ["--version"])).output, "tool 1.2.3\n");
  assert.deepEqual(missingCargoTools([TOOL]), []);
  const next = { ...TOOL, version: "1.2.4" };
  assert.deepEqual(missingCargoTools([next]), [next]);
});

test("what cannot be fetched has a reason, and leaves nothing behind", async (t) => {
  const other = await serveRelease(t, "1.2.4");
  const missing = await serveRelease(t, undefined);
  const directory = temporaryDirectory();
  t.after(() => removeDirectory(directory));
  const reasonOf = async (releases) => {
    const { program, reason } = await fetchReleased(TOOL, { releases, directory });
    assert.equal(program, undefined);
    assert.equal((await follow("ls", ["-A", directory])).output, "");
    return reason;
  };
  assert.match(await reasonOf(other.releases), /the program says tool 1\.2\.4/);
  assert.match(await reasonOf(missing.releases), /status 404/);
  assert.match(await reasonOf({ [TOOL.crate]: "http://127.0.0.1:1" }), /could not be fetched/);
  assert.equal(await reasonOf({}), "there is none");
});

test("Chromium is the chosen one, or the first in PATH; elsewhere a command is named that installs one", async (t) => {
  const directory = temporaryDirectory();
  t.after(() => removeDirectory(directory));
  const program = join(directory, "chromium-browser");
  writeFileSync(program, "#!/bin/sh\n");
  const empty = { PATH: join(directory, "none") };
  await assert.rejects(findChromium({ CHROMIUM: program }), Problem); // is no program yet
  chmodSync(program, 0o755);
  assert.deepEqual(await findChromium({ CHROMIUM: program }), { executablePath: program });
  assert.deepEqual(await findChromium({ PATH: `${empty.PATH}:${directory}` }), { executablePath: program });
  await assert.rejects(findChromium(empty, "linux-arm64"), /apt-get install chromium/);
});

test("the Node that starts the set-up, and the one that it installs, are the same wherever they are named", () => {
  const project = JSON.parse(read("package.json"));
  const minimum = NODE_MINIMUM.join(".");
  assert.equal(project.engines.node, `>=${minimum}`);
  assert.match(read("README.md"), new RegExp(`Node ${minimum.replace(".", "\\.")} or later`));
  const majors = Object.entries(project.optionalDependencies).map(([, version]) => version.split(".")[0]);
  assert.deepEqual([...new Set(majors)], ["22"]);
});

test("what npm run test:quick names is there", () => {
  assert.deepEqual(QUICK_TESTS.filter((file) => !existsSync(join(ROOT, "tests", file))), []);
  const checks = read("scripts/test.mjs");
  assert.deepEqual(QUICK_CHECKS.filter((name) => !checks.includes(`name: "${name}"`)), []);
});
