// The npm package as its users get it: the tarball in an empty folder, with the template, without Rust. `npm run package` makes it.

import assert from "node:assert/strict";
import { cpSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { pack } from "../../scripts/package.mjs";
import { follow } from "../../scripts/run.mjs";
import { ROOT, nodeBinary } from "../../scripts/tools.mjs";
import { connectStockClient } from "../harness/clients/stock-client.mjs";
import { removeDirectory, temporaryDirectory } from "../harness/machine/temporary.mjs";
import { startWrangler } from "../harness/servers/dev.mjs";
import { until } from "../harness/waiting/wait.mjs";

const SIZE_MAX = 400_000;
const LONG_MS = 300_000;
const tarball = await pack();

const BIN = join(ROOT, "node_modules/.bin");
/** A test runner of its own runs in there. */
const { NODE_TEST_CONTEXT: _, ...inherited } = process.env;
/** Node, and the system's programs: neither cargo nor a C compiler of the user's. */
const env = { ...inherited, PATH: [dirname(nodeBinary), "/usr/local/bin", "/usr/bin", "/bin"].join(":"), CARGO_HOME: "/nonexistent", RUSTUP_HOME: "/nonexistent" };

/** Runs a program to its end, which has to be a good one, and returns what it printed. */
async function runs(program, args, cwd = ROOT) {
  const lines = [];
  const { code } = await follow(program, args, { cwd, env, onLine: (line) => lines.push(line) });
  assert.equal(code, 0, lines.join("\n"));
  return lines.join("\n");
}

const folder = temporaryDirectory();
after(() => removeDirectory(folder));
cpSync(join(ROOT, "typescript/template"), folder, { recursive: true });

const began = performance.now();
await runs("npm", ["install", "--no-audit", "--no-fund", tarball], folder);

test("it is small", () => assert.ok(statSync(tarball).size < SIZE_MAX, `${statSync(tarball).size} bytes`));

test("its types say what compiles and what does not", { timeout: LONG_MS }, async () => {
  await runs(join(BIN, "tsc"), ["-p", "typescript/tsconfig.json"]);
});

test("publint and attw find nothing", { timeout: LONG_MS }, async () => {
  await runs(join(BIN, "publint"), ["run", "--strict", tarball]);
  await runs(join(BIN, "attw"), [tarball]);
});

test("the template serves a stock client", { timeout: LONG_MS }, async (t) => {
  const dev = await startWrangler(t, folder, { args: ["--var", "SOCKJS_DEVELOPMENT:true"], env });
  const client = await connectStockClient(t, `${dev.url}/echo`, "websocket");
  client.send("hello");
  assert.equal(await client.messages.next(), "hello");
  t.diagnostic(`the first echo came ${((performance.now() - began) / 1_000).toFixed(1)} s after npm install began`);
});

test("require() says what to do instead", async () => {
  const lines = [];
  const { code } = await follow(nodeBinary, ["-e", 'require("sockjs-edge")'], { cwd: folder, env, onLine: (line) => lines.push(line) });
  assert.notEqual(code, 0);
  assert.match(lines.join("\n"), /sockjs-edge is an ES module: write import/);
});

test("the template's own commands do what they say", { timeout: LONG_MS }, async () => {
  await runs("npm", ["run", "check"], folder);
  assert.match(await runs("npm", ["test"], folder), /pass 3/);
  assert.doesNotMatch(await runs("npx", ["wrangler", "deploy", "--dry-run"], folder), /unexpected fields/i);
});

/** Returns a copy of the template with an example in it, made by the commands of the examples' README. */
async function copyOf(t, example) {
  const beside = temporaryDirectory();
  t.after(() => removeDirectory(beside));
  symlinkSync(ROOT, join(beside, "sockjs-edge"));
  const [, commands] = /^```sh\n(.*?)```$/ms.exec(readFileSync(join(ROOT, "typescript/examples/README.md"), "utf8"));
  await runs("/bin/sh", ["-ec", commands.replaceAll("chat", example)], beside);
  const copy = join(beside, "app");
  symlinkSync(join(folder, "node_modules"), join(copy, "node_modules"));
  return copy;
}

for (const [example, tests] of [["chat", 1], ["tickets", 2]]) {
  test(`the example ${example}, copied as the README says, passes its tests and is deployed`, { timeout: LONG_MS }, async (t) => {
    const copy = await copyOf(t, example);
    await runs("npm", ["run", "check"], copy);
    assert.match(await runs("npm", ["test"], copy), new RegExp(`pass ${tests}\\b`));
    await runs("npx", ["wrangler", "deploy", "--dry-run"], copy);
  });
}

test("an example in JavaScript is deployed with another main", { timeout: LONG_MS }, async (t) => {
  const copy = await copyOf(t, "sockjs-node-echo");
  const settings = join(copy, "wrangler.jsonc");
  writeFileSync(settings, readFileSync(settings, "utf8").replace("src/index.ts", "src/index.js"));
  await runs("npx", ["wrangler", "deploy", "--dry-run"], copy);
});

test("an error of a handler is shown with the application's file and line", { timeout: LONG_MS }, async (t) => {
  const failing = temporaryDirectory();
  t.after(() => removeDirectory(failing));
  cpSync(folder, failing, { recursive: true });
  const source = readFileSync(join(failing, "src/echo.ts"), "utf8");
  const line = source.split("\n").findIndex((text) => text.includes("conn.send(message)")) + 1;
  writeFileSync(join(failing, "src/echo.ts"), source.replace("conn.send(message)", 'throw new Error("as the test wants it")'));
  const dev = await startWrangler(t, failing, { env });
  const client = await connectStockClient(t, `${dev.url}/echo`, "websocket");
  client.send("hello");
  assert.equal((await client.closed).code, 1011);
  await until(() => new RegExp(`as the test wants it[^]*src/echo\\.ts:${line}:`).test(dev.output()), "the stack in wrangler's output");
});
