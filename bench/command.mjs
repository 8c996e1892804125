// A command that sets up, builds, and measures in the Node of this project.

import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { UsageError, main, run } from "../scripts/run.mjs";
import { setUp } from "../scripts/setup.mjs";
import { nodeBinary } from "../scripts/tools.mjs";

/** Runs the module `script`, which is named relative to the command's own. If it `writesJson`, passes on the file of `--json`. */
export function command(meta, { name, script, build, writesJson = false, env = {} }) {
  return main(meta, async () => {
    const json = jsonFile(name, writesJson);
    await setUp();
    await build();
    const args = ["--no-deprecation", fileURLToPath(new URL(script, meta.url)), ...(json ? [json] : [])];
    return run(nodeBinary, args, { stdio: [1, 2], env: { ...process.env, ...env } });
  });
}

function jsonFile(name, writesJson) {
  try {
    const { values } = parseArgs({ options: writesJson ? { json: { type: "string" } } : {} });
    return values.json && resolve(values.json);
  } catch (error) {
    const usage = `usage: npm run ${name}`;
    throw new UsageError(error.message, writesJson ? `${usage} [-- --json FILE]\n\n  --json FILE   writes all figures there, too` : usage);
  }
}
