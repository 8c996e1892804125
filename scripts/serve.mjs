// npm run serve: the built Worker in plain workerd, alone or as a node of a cluster, until SIGINT or SIGTERM.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build } from "./build.mjs";
import { CLUSTER_VARS, NODE_ENTRY } from "./cluster/local.mjs";
import { UsageError, main } from "./run.mjs";
import { readCertificates, readNumber, readVars } from "./serve/arguments.mjs";
import { setUp } from "./setup.mjs";
import { requireGoodSettings } from "./settings.mjs";
import { ROOT } from "./tools.mjs";
import { workerConfig } from "./worker-config.mjs";
import { startWorkerd } from "./workerd.mjs";

const DEFAULT_VARS = { SOCKJS_TEST_SERVICES: "true", SOCKJS_DEMO: "true" };

const USAGE = `usage: npm run serve -- [--port N] [--host ADDRESS] [--storage DIR] [--var NAME=VALUE ...] [--upstream-ca FILE]

  --port N          port to listen on, 0 for a free one (default: 8787)
  --host ADDRESS    address to listen on (default: 127.0.0.1)
  --storage DIR     where the objects' storage is kept (default: .wrangler/serve)
  --var NAME=VALUE  a variable for the Worker; SOCKJS_TEST_SERVICES=true and SOCKJS_DEMO=true are set unless given
  --upstream-ca FILE  certificates in PEM of authorities that SOCKJS_UPSTREAM may have its certificate from, besides public ones

A node of a cluster, for trying out (npm run bundle makes what runs in production):

  --cluster URL               bucket that its nodes share: s3://bucket/prefix or gs://bucket/prefix; its credentials come from the
                              environment: AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, ...
  --cluster-addr HOST:PORT    where the other nodes reach this one, in a private network: the traffic is not encrypted
  --cluster-advertise H:P     where they reach it, if that is another address
  --cluster-key-file FILE     file with the secret that all nodes share, 32 characters or more`;

const KEY_MIN = 32;

await main(import.meta, async () => {
  const { vars, cluster, ...options } = readOptions(process.argv.slice(2));
  await setUp();
  await build();
  const node = cluster ? { cluster, entry: NODE_ENTRY } : {};
  const own = cluster ? CLUSTER_VARS : {};
  const server = await startWorkerd({ ...options, ...node, vars: { ...DEFAULT_VARS, ...own, ...workerConfig().vars, ...vars } });
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
    "upstream-ca": { type: "string" },
    cluster: { type: "string" },
    "cluster-addr": { type: "string" },
    "cluster-advertise": { type: "string" },
    "cluster-key-file": { type: "string" },
  };
  try {
    const { values } = parseArgs({ args, options });
    const { host, storage, "upstream-ca": ca } = values;
    const upstreamCa = ca === undefined ? [] : readCertificates("--upstream-ca", ca);
    const port = readNumber("--port", values.port, 0, 65_535);
    return { host, storage, port, upstreamCa, vars: readVars(values.var), cluster: readCluster(values) };
  } catch (error) {
    throw new UsageError(error.message, USAGE);
  }
}

/** The cluster that the options describe, if they describe one. */
function readCluster({ cluster: bucket, "cluster-addr": address, "cluster-advertise": advertise, "cluster-key-file": keyFile }) {
  if (bucket === undefined) {
    if (address ?? advertise ?? keyFile) throw new Error("the other options of a cluster need --cluster");
    return undefined;
  }
  if (!/^(s3|gs):\/\/[^/]+\/.+/.test(bucket)) throw new Error(`--cluster takes s3://bucket/prefix or gs://bucket/prefix, not ${bucket}`);
  if (!address) throw new Error("a node of a cluster needs --cluster-addr HOST:PORT");
  if (!keyFile) throw new Error("a node of a cluster needs --cluster-key-file FILE");
  const key = readFileSync(keyFile, "utf8").trim();
  if (key.length < KEY_MIN) throw new Error(`the secret in ${keyFile} must have at least ${KEY_MIN} characters: openssl rand -hex 32 makes one`);
  return { bucket, address, advertise, key };
}
