// A cluster for a test: nodes on this machine, with the Worker that is built for the tests, and a bucket of their own.

import { randomBytes } from "node:crypto";
import { installBucket, startBucket } from "../../../scripts/cluster/bucket.mjs";
import { Node } from "../../../scripts/cluster/local.mjs";
import { Records } from "../../../scripts/cluster/records.mjs";
import { RIGS_DIR } from "../../../scripts/tools.mjs";
import { Told } from "../messages/told.mjs";
import { removeDirectory, temporaryDirectory } from "../machine/temporary.mjs";
import { startRoundRobin } from "../proxies/round-robin.mjs";
import { WorkerLog } from "../servers/worker-log.mjs";

/** No session may end because the machine is slow; tests of its end set their own times. */
const VARS = {
  SOCKJS_TEST_SERVICES: "true",
  SOCKJS_STALL_TIMEOUT: "600000",
  SOCKJS_HEARTBEAT_DELAY: "34000",
  // Each loss that a dying node causes would be a warning.
  SOCKJS_LOG: "error",
};

/** Divisor that shortens takeovers to a quarter: on a busy machine a node has to renew its lease of 5 s in time. */
export const QUICK = 4;

/**
 * @param owner ends it: a test's context or what stands for it, or `{ after }` of node:test for a file. A test that fails with a
 *   cluster of its own prints what its nodes have to say
 * @param {object} [options]
 * @param {number} [options.count] of nodes
 * @param {Record<string, string>} [options.vars] on top of those of a cluster
 * @param {number} [options.timeDivisor] shortens leases; 1 for real times
 * @param {(bucket: object) => object | Promise<object>} [options.through] returns the bucket from a node's point of view, such as through a proxy
 */
export async function startCluster(owner, { count = 3, vars = {}, timeDivisor = QUICK, through = (bucket) => bucket, stopTimeoutMs } = {}) {
  await installBucket();
  const bucket = await startBucket();
  owner.after(() => bucket.kill());
  const cluster = new Cluster(bucket);
  owner.clusters?.push(cluster);
  owner.after(() => {
    if (owner.passed === false) console.error(cluster.report());
  });
  owner.after(() => cluster.stop());
  const key = randomBytes(32).toString("hex");
  for (let number = 1; number <= count; number += 1) {
    const own = new Told();
    cluster.toldBy.push(own);
    const log = new WorkerLog((text) => {
      cluster.told.add(text);
      own.add(text);
    });
    cluster.logs.push(log);
    cluster.nodes.push(
      new Node({
        name: `node ${number}`,
        storage: cluster.directory(),
        bucket: await through(bucket, number),
        key,
        timeDivisor,
        stopTimeoutMs,
        vars: { ...VARS, ...vars },
        log: (text) => log.add(text),
        worker: { build: RIGS_DIR },
      }),
    );
  }
  for (const node of cluster.nodes) await node.start();
  cluster.balancer = await startRoundRobin(owner, cluster.nodes.map(({ url }) => url));
  return cluster;
}

class Cluster {
  nodes = [];
  logs = [];
  /** Log lines of /trouble from all nodes, in the order in which they are read; and from each node, in the order of the nodes. */
  told = new Told();
  toldBy = [];
  balancer;
  #directories = [];

  constructor(bucket) {
    this.bucket = bucket;
    this.records = new Records(bucket);
  }

  directory() {
    this.#directories.push(temporaryDirectory());
    return this.#directories.at(-1);
  }

  async stop() {
    // At once: a node that sees another one die may crash.
    await Promise.all(this.nodes.filter(({ isRunning }) => isRunning).map((node) => node.kill()));
    for (const directory of this.#directories) removeDirectory(directory);
    for (const log of this.logs) log.check();
  }

  /** Returns what a failed test has to know of its nodes: whether each still runs, how it ended, and its last words. */
  report() {
    const lines = this.nodes.map(({ name, isRunning, ended }, at) => {
      const state = isRunning ? "runs" : ended === undefined ? "was not started" : `ended: ${ended}`;
      return [`${name} ${state}`, ...this.logs[at].last(80)].join("\n  ");
    });
    return lines.join("\n");
  }

  /** Returns the URL of a service at one node, or through the balancer. */
  service(path, node = this.balancer) {
    return `${node.url}${path}`;
  }

  /** Restricts the balancer to these nodes. */
  balance(nodes) {
    this.balancer.targets = nodes.map(({ url }) => url);
  }

  /** Returns the nodes that own objects, by their ids in the bucket. */
  async owners() {
    const owners = await this.records.owners();
    return new Set([...owners.values()].map(({ node }) => node));
  }

  /** Returns the ids of the objects that this node owns. */
  async objectsOf({ address }) {
    const nodes = [...(await this.records.nodes()).values()].filter((node) => node.address === address).map(({ node }) => node);
    return [...(await this.records.owners())].filter(([, { node }]) => nodes.includes(node)).map(([object]) => object);
  }
}
