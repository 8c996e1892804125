// npm run quickstart: README's quick starts to the letter, with a clone of the last commit in an empty folder: from there to the first
// message that comes back. Arguments name quick starts by the last words of their titles. Packages come from where they usually do, or
// from their caches.

import { rmSync } from "node:fs";
import { join } from "node:path";
import { Problem, UsageError, main, run } from "../../scripts/run.mjs";
import { setUp } from "../../scripts/setup.mjs";
import { ROOT, rustEnvironment } from "../../scripts/tools.mjs";
import { removeDirectory, temporaryDirectory } from "../harness/machine/temporary.mjs";
import { follow, startBackend } from "./follow.mjs";
import { readQuickStarts, withVersionsOfClone } from "./readme.mjs";

const OFFLINE = "--offline";
const USAGE = `usage: npm run quickstart -- [${OFFLINE}] [typescript] [rust] [gateway] [cluster]

  ${OFFLINE}   for a machine that reaches the package registries and no release pages: the programs that a Rust application's first
              build downloads come from the clone, as docs/rust.md says`;

await main(import.meta, async () => {
  const names = process.argv.slice(2).filter((name) => name !== OFFLINE);
  const isOffline = process.argv.includes(OFFLINE);
  await setUp(); // of this folder, for the client
  const folder = temporaryDirectory();
  try {
    const clone = join(folder, "sockjs-edge");
    if ((await run("git", ["clone", "--quiet", ROOT, clone])) !== 0) throw new Problem("the repository could not be cloned");
    for (const [title, start] of chosen(readQuickStarts(clone), names)) {
      const ms = await time(title, start, folder, isOffline);
      process.stdout.write(`${title}: the first message was back after ${duration(ms)}\n`);
    }
  } finally {
    removeDirectory(folder);
  }
});

/** Follows one, and returns how long it took. */
async function time(title, { prefix, lines }, folder, isOffline) {
  process.stderr.write(`\n=== ${title}\n`);
  const hooks = [];
  const owner = { after: (hook) => hooks.unshift(hook) };
  try {
    await startBackend(owner);
    const began = performance.now();
    const isApart = isOffline && title.endsWith("Rust");
    const { WASM_BINDGEN_BIN, WASM_OPT_BIN } = rustEnvironment();
    await follow(owner, { prefix, lines: isApart ? withVersionsOfClone(lines) : lines }, folder, {
      env: isApart ? { WASM_BINDGEN_BIN, WASM_OPT_BIN } : {},
      show: (text) => process.stderr.write(text),
    });
    return performance.now() - began;
  } finally {
    for (const hook of hooks) await hook();
    rmSync(join(folder, "app"), { recursive: true, force: true });
  }
}

function chosen(starts, names) {
  const all = Object.entries(starts);
  const named = (name) => all.find(([title]) => title.toLowerCase().endsWith(name.toLowerCase()));
  const unknown = names.find((name) => !named(name));
  if (unknown) throw new UsageError(`there is no quick start "${unknown}"`, USAGE);
  return names.length === 0 ? all : names.map(named);
}

function duration(ms) {
  const seconds = Math.round(ms / 1_000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
