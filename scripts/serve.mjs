// npm run serve: the built Worker in plain workerd, until SIGINT or SIGTERM.

import { join } from "node:path";
import { parseArgs } from "node:util";
import { build } from "./build.mjs";
import { UsageError, main } from "./run.mjs";
import { setUp } from "./setup.mjs";
import { requireGoodSettings } from "./settings.mjs";
import { ROOT } from "./tools.mjs";
import { workerConfig } from "./worker-config.mjs";
import { startWorkerd } from "./workerd.mjs";

const DEFAULT_VARS = { SOCKJS_TEST_SERVICES: "true", SOCKJS_DEMO: "true" };

const USAGE = `usage: npm run serve -- [--port N] [--host ADDRESS] [--storage DIR] [--var NAME=VALUE ...]

  --port N          port to listen on, 0 for a free one (default: 8787)
  --host ADDRESS    address to listen on (default: 127.0.0.1)
  --storage DIR     where the objects' storage is kept (default: .wrangler/serve)
  --var NAME=VALUE  a variable for the Worker; SOCKJS_TEST_SERVICES=true and SOCKJS_DEMO=true are set unless given`;

await main(import.meta, async () => {
  const { vars, ...options } = readOptions(process.argv.slice(2));
  await setUp();
  await build();
  const server = await startWorkerd({ ...options, vars: { ...DEFAULT_VARS, ...workerConfig().vars, ...vars } });
  await requireGoodSettings(server.url).catch((error) => {
    server.kill();
    throw error;
  });

  let stopped = false;
  const stop = () => {
    stopped = true;
    server.kill();
  };
  process.on("SIGINT", stop).on("SIGTERM", stop).on("SIGHUP", stop);
  process.stdout.write(`listening on ${server.url}\n`);

  await server.exited;
  if (!stopped) process.stderr.write("error: workerd ended by itself\n");
  return stopped ? 0 : 1;
});

function readOptions(args) {
  const options = {
    port: { type: "string", default: "8787" },
    host: { type: "string", default: "127.0.0.1" },
    storage: { type: "string", default: join(ROOT, ".wrangler/serve") },
    var: { type: "string", multiple: true, default: [] },
  };
  try {
    const { values } = parseArgs({ args, options });
    return { ...values, port: readPort(values.port), vars: readVars(values.var) };
  } catch (error) {
    throw new UsageError(error.message, USAGE);
  }
}

function readPort(text) {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new Error(`--port takes a number from 0 to 65535, not ${text}`);
  return port;
}

function readVars(assignments) {
  const pairs = assignments.map((assignment) => {
    const match = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(assignment);
    if (!match) throw new Error(`--var takes NAME=VALUE, not ${assignment}`);
    return match.slice(1);
  });
  return Object.fromEntries(pairs);
}
