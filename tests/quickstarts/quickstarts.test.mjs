// README's quick starts, each as it is written there, in an empty folder beside this repository. `npm run quickstart` does the same with
// a fresh clone, whose set-up and builds begin from nothing.

import assert from "node:assert/strict";
import { readFileSync, symlinkSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { test } from "node:test";
import { ROOT, cargoToolPath, cargoTools, rustEnvironment } from "../../scripts/tools.mjs";
import { connectStockClient } from "../harness/clients/stock-client.mjs";
import { removeDirectory, temporaryDirectory } from "../harness/machine/temporary.mjs";
import { exchange, nastyMessages } from "../harness/messages/exchange.mjs";
import { follow, startBackend } from "./follow.mjs";
import { ORIGIN, readQuickStarts, withVersionsOfClone } from "./readme.mjs";

const starts = readQuickStarts(ROOT);

test("README has a quick start for each kind of user, of at most five lines", () => {
  assert.deepEqual(Object.keys(starts), ["application in TypeScript", "application in Rust", "gateway", "cluster"]);
  for (const [title, { lines }] of Object.entries(starts)) assert.ok(lines.length <= 5, title);
});

test("README is short, and has code near its top", () => {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  assert.ok(readme.split(/\s+/).length <= 1_500);
  assert.ok(readme.split("\n").slice(0, 30).some((line) => line.startsWith("```ts")));
});

test("an application in TypeScript", (t) => run(t, "application in TypeScript"));

test("an application in Rust", async (t) => {
  const { prefix, lines } = starts["application in Rust"];
  const { folder, owner } = beside(t);
  const [copy, ...others] = lines;
  const { version } = cargoTools().find(({ crate }) => crate === "worker-build");
  const install = others.findIndex((line) => line.startsWith(`cargo install --locked worker-build@${version} `));
  assert.notEqual(install, -1, "the worker-build that is used here");
  // Installed here already, as are the other programs that its reader downloads, for the versions of this repository.
  others.splice(install, 1);
  const { CARGO_TARGET_DIR: _, ...env } = rustEnvironment();
  const PATH = [dirname(cargoToolPath("worker-build")), env.PATH].join(delimiter);
  await follow(owner, { prefix, lines: withVersionsOfClone([copy, ...others]) }, folder, { env: { ...env, PATH } });
  for (const transport of ["websocket", "xhr-streaming", "xhr-polling"]) {
    const client = await connectStockClient(owner, ORIGIN + prefix, transport);
    await exchange(client, nastyMessages(50));
    client.close();
  }
});

test("a gateway", async (t) => {
  await startBackend(t);
  await run(t, "gateway");
});

test("a cluster", (t) => run(t, "cluster"));

/** A folder with this repository in it, and an owner whose last hook runs first. */
function beside(t) {
  const hooks = [];
  t.after(async () => {
    for (const hook of hooks.reverse()) await hook();
  });
  const owner = { after: (hook) => hooks.push(hook) };
  const folder = temporaryDirectory();
  owner.after(() => removeDirectory(folder));
  symlinkSync(ROOT, join(folder, "sockjs-edge"));
  return { folder, owner };
}

async function run(t, title) {
  const { folder, owner } = beside(t);
  await follow(owner, starts[title], folder);
}
