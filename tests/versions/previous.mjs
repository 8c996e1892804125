// The previous build: the one that a deploy replaces, and that a rollback brings back. It is built from git's history.

import { existsSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { Problem, follow, run } from "../../scripts/run.mjs";
import { NODE_MODULES, ROOT, TARGET_DIR, TOOLS_DIR, nodeBinary } from "../../scripts/tools.mjs";

/** The last commit with the previous version of the inner protocol. */
const COMMIT = "c66bb3c15fa255d94a986bb4701d66663c174805";

const DIRECTORY = join(TARGET_DIR, "versions", COMMIT);

/** Its Worker with the services for tests. */
export const PREVIOUS_RIGS = join(DIRECTORY, "target/rigs");

/** Builds it, if that was not done before: it does not change. */
export async function buildPrevious() {
  if (!existsSync(join(DIRECTORY, "package.json"))) await checkOut();
  const { href } = new URL(`file://${join(DIRECTORY, "scripts/build.mjs")}`);
  const code = await run(nodeBinary, ["-e", `await (await import(${JSON.stringify(href)})).buildRigs()`], { cwd: DIRECTORY });
  if (code !== 0) throw new Problem("the previous build failed, see above");
}

async function checkOut() {
  rmSync(DIRECTORY, { recursive: true, force: true });
  mkdirSync(DIRECTORY, { recursive: true });
  // Before the sources: what is half there would look whole.
  for (const [directory, name] of [[NODE_MODULES, "node_modules"], [TOOLS_DIR, ".tools"]]) {
    symlinkSync(directory, join(DIRECTORY, name));
  }
  const script = 'set -eu; git archive "$1" --output="$2/sources.tar"; tar -xf "$2/sources.tar" -C "$2"; rm "$2/sources.tar"';
  const { code, output } = await follow("/bin/sh", ["-c", script, "sh", COMMIT, DIRECTORY], { cwd: ROOT });
  if (code === 0) return;
  rmSync(DIRECTORY, { recursive: true, force: true });
  throw new Problem(`the previous build is not in git's history:\n${output.trim()}`, "git fetch --unshallow");
}
