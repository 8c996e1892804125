// The README alone: its files in an empty folder outside of the repository become an application that wrangler builds,
// serves, and that a stock client talks to.

import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { test } from "node:test";
import { follow } from "../../scripts/run.mjs";
import { ROOT, WASM_TARGET, cargoToolPath, cargoTools, rustEnvironment } from "../../scripts/tools.mjs";
import { exchange, numberedMessages } from "../clients/messages.mjs";
import { startWrangler } from "../harness/dev.mjs";
import { connectStockClient } from "../harness/stock-client.mjs";
import { removeDirectory, temporaryDirectory } from "../harness/temporary.mjs";
import { readmeDevArguments, readmeFiles } from "./readme.mjs";

const REPOSITORY = '"../sockjs-edge"';

test("a new application by the README: it builds, and echoes", async (t) => {
  const owner = lastFirst(t);
  const folder = temporaryDirectory();
  owner.after(() => removeDirectory(folder));
  const files = readmeFiles();
  assert.deepEqual(Object.keys(files).sort(), ["Cargo.toml", "src/lib.rs", "wrangler.toml"]);
  for (const [name, text] of Object.entries(files)) write(join(folder, name), text);
  assert.equal(files["Cargo.toml"].split(REPOSITORY).length, 2);
  write(join(folder, "Cargo.toml"), files["Cargo.toml"].replace(REPOSITORY, JSON.stringify(ROOT)));
  // The versions that are here already: by itself cargo would look for newer ones.
  copyFileSync(join(ROOT, "Cargo.lock"), join(folder, "Cargo.lock"));

  const env = environment();
  owner.after(() => cleanTarget(folder, env));
  const dev = await startWrangler(owner, folder, { args: readmeDevArguments(), env });
  for (const transport of ["websocket", "xhr-streaming", "xhr-polling"]) {
    const client = await connectStockClient(owner, `${dev.url}/echo`, transport);
    await exchange(client, numberedMessages(50));
    client.close();
  }
});

test("the README installs the worker-build that is used here", () => {
  const { version } = cargoTools().find(({ crate }) => crate === "worker-build");
  assert.match(readFileSync(join(ROOT, "README.md"), "utf8"), new RegExp(`^cargo install --locked worker-build@${version} `, "m"));
});

/** What is begun last ends first: wrangler, then what it works on. A test's own order is the other one. */
function lastFirst(t) {
  const hooks = [];
  t.after(async () => {
    for (const hook of hooks.reverse()) await hook();
  });
  return { after: (hook) => hooks.push(hook) };
}

function write(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** `cargo install worker-build` put into the project's own folder what its reader has in `PATH`. */
function environment() {
  const env = rustEnvironment();
  return { ...env, PATH: [dirname(cargoToolPath("worker-build")), env.PATH].join(delimiter) };
}

/** What cargo keeps of the application would grow with every run, since its folder is another one each time. */
async function cleanTarget(folder, env) {
  const args = ["clean", "--release", "--target", WASM_TARGET, "--package", "app"];
  const { code, output } = await follow("cargo", args, { cwd: folder, env });
  assert.equal(code, 0, output);
}
