// npm run serve: the built Worker in plain workerd, alone or as a node of a cluster, until SIGINT or SIGTERM.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build } from "./build.mjs";
import { setTimeout as sleep } from "node:timers/promises";
import { Node } from "./cluster/local.mjs";
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
  --cluster-key-file FILE     file with the secret that all nodes share, 32 characters or more

On SIGINT and SIGTERM a node lets go of its clients and hands its objects to the other nodes, which takes some 10 s. A second signal ends
it at once.`;

const KEY_MIN = 32;

// As start.sh of a bundle has them by default.
/** Time between the moment at which clients are let go and the stop, in which a proxy sees that /ready is 503. */
const DRAIN_MS = 3_000;
/** Time within which workerd hands its objects to other nodes. */
const STOP_TIMEOUT_MS = 8_000;
/** workerd takes requests for so long after SIGTERM. */
const STILL_SERVED_MS = 5_000;

await main(import.meta, async () => {
  const { vars, cluster, ...options } = readOptions(process.argv.slice(2));
  await setUp();
  await build();
  const all = { ...DEFAULT_VARS, ...workerConfig().vars, ...vars };
  const server = await (cluster ? startNode({ ...options, cluster, vars: all }) : startWorkerd({ ...options, vars: all }));
  await requireGoodSettings(server.url).catch((error) => {
    server.kill();
    throw error;
  });

  let stopped = false;
  const stop = () => {
    // A second signal does not wait.
    if (stopped || !cluster) server.kill();
    else stopNode(server);
    stopped = true;
  };
  process.on("SIGINT", stop).on("SIGTERM", stop).on("SIGHUP", stop);
  process.stdout.write(`listening on ${server.url}\n`);

  await server.exited;
  if (!stopped) process.stderr.write("error: workerd ended by itself\n");
  return stopped ? 0 : 1;
});

/** Starts a node. Its name in the log is its address, since several may run on one machine. */
function startNode({ cluster: { bucket, address, advertise, key }, vars, ...options }) {
  const name = vars.SOCKJS_NODE ?? advertise ?? address;
  return new Node({ ...options, name, bucket: { url: bucket }, address, advertise, key, stopTimeoutMs: STOP_TIMEOUT_MS, vars }).start();
}

/** Lets go of the clients of a node, and takes it out of the cluster. */
async function stopNode(node) {
  process.stderr.write("lets go of the clients, and hands over the objects; another signal ends it at once\n");
  try {
    await node.drain();
    await sleep(DRAIN_MS);
  } catch (error) {
    process.stderr.write(`warning: the clients could not be let go: ${error.message}\n`);
  }
  if (!node.isRunning) return;
  const limit = setTimeout(() => node.kill(), STOP_TIMEOUT_MS + STILL_SERVED_MS);
  await node.terminate();
  clearTimeout(limit);
}

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
  for (const given of [address, advertise]) {
    if (/^[^[].*:.*:/.test(given ?? "")) throw new Error(`${given}: an IPv6 address stands in brackets (example: [fd00::1]:8788)`);
  }
  if (/:0*$/.test(address)) throw new Error(`--cluster-addr takes a port other than 0, not ${address}`);
  if (!keyFile) throw new Error("a node of a cluster needs --cluster-key-file FILE");
  const key = readFileSync(keyFile, "utf8").trim();
  if (key.length < KEY_MIN) throw new Error(`the secret in ${keyFile} must have at least ${KEY_MIN} characters: openssl rand -hex 32 makes one`);
  return { bucket, address, advertise, key };
}
