// npm run deploy: the Worker is built, its variables are checked, and wrangler deploys it. Arguments after
// `npm run deploy --` go to wrangler: --dry-run, --env NAME, --var NAME:VALUE.

import { build } from "./build.mjs";
import { main, run } from "./run.mjs";
import { checkSettings } from "./settings.mjs";
import { setUp } from "./setup.mjs";
import { ROOT, nodeBinary, wranglerScript } from "./tools.mjs";
import { workerConfig } from "./worker-config.mjs";

/** Secrets, which are stored at the platform and are not seen from here: each counts as set. */
const SECRETS = { SOCKJS_TICKET_KEYS: "x".repeat(32) };

await main(import.meta, async () => {
  const args = process.argv.slice(2);
  await setUp();
  await build();
  const { vars } = workerConfig({ environment: valuesOf(args, ["--env", "-e"]).at(-1) });
  const given = { ...vars, ...givenVars(args) };
  await checkSettings({ ...SECRETS, ...given });
  if (String(given.SOCKJS_DEMO) !== "true") {
    process.stdout.write("the demo is not deployed: SOCKJS_DEMO=true in [vars], or -- --var SOCKJS_DEMO:true, serves it\n");
  }
  const env = { ...process.env, WRANGLER_SEND_METRICS: "false", WRANGLER_HIDE_BANNER: "true" };
  return run(nodeBinary, [wranglerScript, "deploy", ...args], { cwd: ROOT, env });
});

function givenVars(args) {
  const pairs = valuesOf(args, ["--var"]).map((assignment) => {
    const [name, ...rest] = assignment.split(":");
    return [name, rest.join(":")];
  });
  return Object.fromEntries(pairs);
}

/** The values of an option that wrangler knows by these names: `--name value` or `--name=value`. */
function valuesOf(args, names) {
  return args.flatMap((arg, at) => {
    const [name, ...value] = arg.split("=");
    if (!names.includes(name)) return [];
    return value.length > 0 ? [value.join("=")] : args.slice(at + 1, at + 2);
  });
}
