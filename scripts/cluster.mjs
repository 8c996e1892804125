// npm run cluster: a cluster on this machine for trying out, with a bucket that forgets everything when it stops. A load balancer
// without stickiness stands in front of the nodes.

import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build } from "./build.mjs";
import { installBucket, startBucket } from "./cluster/bucket.mjs";
import { Node } from "./cluster/local.mjs";
import { Records } from "./cluster/records.mjs";
import { UsageError, main } from "./run.mjs";
import { readNumber, readVars } from "./serve/arguments.mjs";
import { requireGoodSettings } from "./settings.mjs";
import { setUp } from "./setup.mjs";
import { workerConfig } from "./worker-config.mjs";

const DEFAULT_VARS = { SOCKJS_TEST_SERVICES: "true", SOCKJS_DEMO: "true" };

const USAGE = `usage: npm run cluster -- [--nodes N] [--port N] [--var NAME=VALUE ...]

  --nodes N         nodes, from 1 to 9 (default: 3)
  --port N          port of the first node, the others follow; 0 for free ones (default: 8787)
  --var NAME=VALUE  a variable for all nodes; SOCKJS_TEST_SERVICES=true and SOCKJS_DEMO=true are set unless given

It forgets everything when it stops. Stop a node, by the process id that it shows, to see its objects move: kill -TERM hands them
over, after kill -KILL they move when the node's lease of 20 s is over.`;

/** Pause between two looks at who owns what. */
const LOOK_MS = 1_000;

await main(import.meta, async () => {
  const { nodes: count, port, vars } = readOptions(process.argv.slice(2));
  await setUp();
  await build();
  process.stderr.write("the S3 emulator is installed, if it is missing (15 s) ...\n");
  await installBucket();
  const bucket = await startBucket();
  const storage = mkdtempSync(join(tmpdir(), "sockjs-edge-cluster-"));
  const key = randomBytes(32).toString("hex");
  const nodes = Array.from({ length: count }, (_, at) => {
    const name = `node ${at + 1}`;
    return new Node({
      name,
      bucket,
      key,
      storage: join(storage, String(at + 1)),
      port: port && port + at,
      vars: { ...DEFAULT_VARS, ...workerConfig().vars, ...vars },
      log: (text) => process.stderr.write(text.replace(/^(?=.)/gm, `[${name}] `)),
    });
  });
  try {
    for (const node of nodes) {
      await node.start();
      await requireGoodSettings(node.url);
      process.stdout.write(`${node.name} listens on ${node.url}, process ${node.pid}\n`);
    }
    const stopped = Promise.withResolvers();
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => stopped.resolve());
    for (const node of nodes) node.exited.then(() => process.stdout.write(`${node.name} ended\n`));
    const watch = watchOwners(new Records(bucket), nodes);
    await stopped.promise;
    clearInterval(watch);
  } finally {
    for (const node of nodes) if (node.isRunning) await node.kill();
    bucket.kill();
    rmSync(storage, { recursive: true, force: true });
  }
  return 0;
});

/** Shows a line for each object that changes its owner. */
function watchOwners(records, nodes) {
  const known = new Map();
  const names = new Map();
  let isLooking = false;
  const look = async () => {
    for (const { node, address } of (await records.nodes()).values()) {
      names.set(node, nodes.find((one) => one.address === address)?.name ?? node);
    }
    for (const [object, { node }] of await records.owners()) {
      const before = known.get(object);
      if (before === node) continue;
      known.set(object, node);
      const name = (id) => names.get(id) ?? (id || "nobody");
      const from = before === undefined ? "" : `, before ${name(before)}`;
      process.stdout.write(`object ${object.slice(0, 8)}: ${name(node)}${from}\n`);
    }
  };
  return setInterval(async () => {
    if (isLooking) return;
    isLooking = true;
    await look().catch(() => {}); // the bucket is being stopped
    isLooking = false;
  }, LOOK_MS);
}

function readOptions(args) {
  const options = {
    nodes: { type: "string", default: "3" },
    port: { type: "string", default: "8787" },
    var: { type: "string", multiple: true, default: [] },
  };
  try {
    const { values } = parseArgs({ args, options });
    return {
      nodes: readNumber("--nodes", values.nodes, 1, 9),
      port: readNumber("--port", values.port, 0, 65_500),
      vars: readVars(values.var),
    };
  } catch (error) {
    throw new UsageError(error.message, USAGE);
  }
}
