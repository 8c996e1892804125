// npm run bundle: a directory that runs the Worker on a bare Linux machine, alone or as a node of a cluster, without Node and Rust.

import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { build } from "./build.mjs";
import { ownProject, readProject } from "./bundle/project.mjs";
import { requireReplaceable, writeBundle } from "./bundle/write.mjs";
import { UsageError, main } from "./run.mjs";
import { setUp } from "./setup.mjs";

const USAGE = `usage: npm run bundle -- --out DIR [--worker DIR] [--env NAME ...]

  --out DIR     where the bundle is written: a new directory, an empty one, or a bundle, which is replaced
                unless it has anything of yours, such as data/
  --worker DIR  another project: its wrangler.toml, wrangler.json or wrangler.jsonc, and the built Worker in its folder build/
                (default: the Worker of this project, which is built first)
                  an application of the template:  npx wrangler deploy --dry-run
                  an application in TypeScript:    npx wrangler deploy --dry-run --outdir build
  --env NAME    a variable that the application takes from the environment, besides those in its [vars] and SOCKJS_...;
                may be repeated

The bundle's README.md says how to run it.`;

await main(import.meta, async () => {
  const { out, worker, names } = readOptions(process.argv.slice(2));
  // Before the build, which takes long.
  requireReplaceable(out);
  await setUp();
  if (!worker) await build();
  await writeBundle({ out, project: worker ? readProject(worker) : ownProject(), names });
  process.stdout.write(`${join(out, "start.sh")} starts the Worker; settings: ${join(out, "README.md")}\n`);
});

function readOptions(args) {
  const options = {
    out: { type: "string" },
    worker: { type: "string" },
    env: { type: "string", multiple: true, default: [] },
  };
  try {
    const { values } = parseArgs({ args, options });
    if (!values.out) throw new Error("--out DIR is missing");
    const wrong = values.env.find((name) => !/^[A-Za-z_]\w*$/.test(name));
    if (wrong !== undefined) throw new Error(`--env takes the name of a variable, not ${wrong}`);
    return { out: resolve(values.out), worker: values.worker && resolve(values.worker), names: values.env };
  } catch (error) {
    throw new UsageError(error.message, USAGE);
  }
}
