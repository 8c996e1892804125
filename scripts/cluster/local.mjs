// A cluster on this machine: nodes that are workerd processes of their own, and the bucket that they share.

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../free-port.mjs";
import { startWorkerd } from "../workerd.mjs";

const CLUSTER = fileURLToPath(new URL("../../cluster", import.meta.url));
/** The modules around the Worker of a node, the first its main one. */
export const NODE_ENTRY = ["limited.js", "node.js", "drain.js", "links.js", "limiter.js"].map((name) => join(CLUSTER, name));

/**
 * Options that a cluster has in place of the defaults: what writes a row waits for the bucket, so as little as possible writes one;
 * and a node that was killed owns its objects for another 20 s.
 */
export const CLUSTER_VARS = {
  SOCKJS_PLACEMENT: "shards:16",
  SOCKJS_HEARTBEATS: "worker",
  SOCKJS_WEBSOCKET_HOLDER: "worker",
  SOCKJS_OBJECT_TIMEOUT: "45000",
  SOCKJS_REATTACH_TIMEOUT: "45000",
};

/**
 * A node that may be started, ended in every way, and started again.
 */
export class Node {
  #options;
  #workerd;
  #token;
  #address;

  /**
   * @param {object} options
   * @param {string} options.name
   * @param {string} options.storage directory of its own
   * @param {{ url: string, options: Record<string, string> }} options.bucket
   * @param {string} options.key secret of the cluster
   * @param {string} [options.address] where it listens for other nodes, by default at a free port of this machine
   * @param {string} [options.advertise] where other nodes reach it, if that is another address
   * @param {number} [options.timeDivisor] shortens leases, for tests
   * @param {number} [options.stopTimeoutMs]
   * @param {number} [options.port] of its clients, by default a free one
   * @param {string} [options.host] address to listen on for clients
   * @param {Record<string, string>} [options.vars]
   * @param {(text: string) => void} [options.log]
   * @param {object} [options.worker] more options of `startWorkerd`: another build, entry or layout
   */
  constructor(options) {
    this.#options = options;
    this.#token = options.vars?.SOCKJS_DRAIN_TOKEN ?? randomBytes(32).toString("hex");
  }

  get name() {
    return this.#options.name;
  }

  get url() {
    return this.#workerd.url;
  }

  get port() {
    return this.#workerd.port;
  }

  get ports() {
    return this.#workerd.ports;
  }

  get pid() {
    return this.#workerd.pid;
  }

  /** Where the other nodes reach it. */
  get address() {
    return this.#address;
  }

  /** Resolves when its process has ended, to its exit code or the name of the signal. */
  get exited() {
    return this.#workerd.exited;
  }

  /** True from its start to its end. */
  isRunning = false;
  /** The exit code of its last end, or the name of the signal. */
  ended;

  /** Starts it; after it ended, again at the same port, on the same storage. */
  async start() {
    const { name, storage, bucket, key, address = "127.0.0.1:0", advertise, timeDivisor, stopTimeoutMs, port, vars, log, host, worker } = this.#options;
    this.#address ??= address.endsWith(":0") ? `127.0.0.1:${await freePort()}` : address;
    const cluster = { bucket: bucket.url, options: bucket.options, address: this.#address, advertise, key, timeDivisor, stopTimeoutMs };
    const own = { SOCKJS_NODE: name, SOCKJS_DRAIN_TOKEN: this.#token };
    this.#workerd = await startWorkerd({
      entry: NODE_ENTRY,
      ...worker,
      host,
      port: this.#workerd?.port ?? port,
      storage,
      cluster,
      vars: { ...CLUSTER_VARS, ...vars, ...own },
      log,
    });
    const workerd = this.#workerd;
    this.isRunning = true;
    workerd.exited.then((how) => {
      this.isRunning = this.#workerd !== workerd;
      this.ended = how;
    });
    return this;
  }

  /** SIGKILL: what it owned is free when its lease is over. */
  async kill() {
    await this.#workerd.kill();
  }

  /** SIGTERM: it hands over what it owns. */
  async terminate() {
    await this.#workerd.terminate();
  }

  /** Lets go of its clients. Resolves to their number. */
  async drain() {
    const headers = { Authorization: `Bearer ${this.#token}` };
    const response = await fetch(`${this.url}/drain`, { method: "POST", headers });
    if (!response.ok) throw new Error(`${this.name} was not drained: ${response.status} ${await response.text()}`);
    const { clients } = await response.json();
    return clients;
  }

  /** Stops its process in the middle of whatever it does. */
  pause() {
    process.kill(this.pid, "SIGSTOP");
  }

  resume() {
    process.kill(this.pid, "SIGCONT");
  }
}
