// The template, which is what the README shows: copied to a folder outside of the repository it is an application that
// wrangler builds and serves, and that a stock client talks to.

import assert from "node:assert/strict";
import { copyFileSync, cpSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { test } from "node:test";
import { parse as parseToml } from "smol-toml";
import { follow } from "../../scripts/run.mjs";
import { ROOT, WASM_TARGET, cargoToolPath, cargoTools, rustEnvironment } from "../../scripts/tools.mjs";
import { connectStockClient } from "../harness/clients/stock-client.mjs";
import { removeDirectory, temporaryDirectory } from "../harness/machine/temporary.mjs";
import { exchange, nastyMessages } from "../harness/messages/exchange.mjs";
import { startWrangler } from "../harness/servers/dev.mjs";
import { readmeDevArguments, readmeFiles } from "./readme.mjs";

const TEMPLATE = join(ROOT, "template");
const REPOSITORY = '"../sockjs-edge"';

test("a new application from the template: it builds, and echoes", async (t) => {
  const owner = lastFirst(t);
  const folder = temporaryDirectory();
  owner.after(() => removeDirectory(folder));
  cpSync(TEMPLATE, folder, { recursive: true });
  const manifest = template("Cargo.toml");
  assert.equal(manifest.split(REPOSITORY).length, 2);
  writeFileSync(join(folder, "Cargo.toml"), manifest.replace(REPOSITORY, JSON.stringify(ROOT)));
  // The versions that are here already: by itself cargo would look for newer ones.
  copyFileSync(join(ROOT, "Cargo.lock"), join(folder, "Cargo.lock"));

  const env = environment();
  owner.after(() => cleanTarget(folder, env));
  const dev = await startWrangler(owner, folder, { args: readmeDevArguments(), env });
  for (const transport of ["websocket", "xhr-streaming", "xhr-polling"]) {
    const client = await connectStockClient(owner, `${dev.url}/echo`, transport);
    await exchange(client, nastyMessages(50));
    client.close();
  }
});

test("the template is the application that the README shows", () => {
  const files = readmeFiles();
  assert.deepEqual(Object.keys(files).sort(), ["Cargo.toml", "src/lib.rs", "wrangler.toml"]);
  assert.equal(template("Cargo.toml"), files["Cargo.toml"]);
  assert.equal(template("src/lib.rs"), files["src/lib.rs"]);
  assert.deepEqual(parseToml(template("wrangler.toml")), parseToml(files["wrangler.toml"]));
});

test("what cargo generate makes of the template is the template, with other names", () => {
  const values = { "project-name": "app", sockjs_edge: "../sockjs-edge" };
  const made = (text) => text.replace(/\{\{([\w-]+)\}\}/g, (_, name) => values[name]);
  for (const name of ["Cargo.toml", "wrangler.toml"]) assert.equal(made(template(`${name}.liquid`)), template(name));
  assert.equal(parseToml(template("cargo-generate.toml")).placeholders.sockjs_edge.default, values.sockjs_edge);
});

test("the README and the template's install the worker-build that is used here", () => {
  const { version } = cargoTools().find(({ crate }) => crate === "worker-build");
  const install = new RegExp(`^cargo install --locked worker-build@${version}\\b`, "m");
  for (const file of ["README.md", "template/README.md"]) assert.match(readFileSync(join(ROOT, file), "utf8"), install);
});

function template(name) {
  return readFileSync(join(TEMPLATE, name), "utf8");
}

/** What is begun last ends first: wrangler, then what it works on. A test's own order is the other one. */
function lastFirst(t) {
  const hooks = [];
  t.after(async () => {
    for (const hook of hooks.reverse()) await hook();
  });
  return { after: (hook) => hooks.push(hook) };
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
