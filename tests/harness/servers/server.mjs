// The Worker built for the tests, or an example, in plain workerd, on a free port, with storage of its own.

import { RIGS_DIR } from "../../../scripts/tools.mjs";
import { startWorkerd } from "../../../scripts/workerd.mjs";
import { residentMemory } from "../machine/processes.mjs";
import { removeDirectory, temporaryDirectory } from "../machine/temporary.mjs";
import { WorkerLog } from "./worker-log.mjs";

/** Of the deployable Worker. No session may end because the machine is slow; tests of its end set their own times. */
export const DEFAULT_VARS = {
  SOCKJS_TEST_SERVICES: "true",
  SOCKJS_DEMO: "true",
  SOCKJS_DISCONNECT_DELAY: "60000",
  SOCKJS_STALL_TIMEOUT: "600000",
};

/**
 * @param owner what the server ends with: a test's context, or `{ after }` of node:test for a file
 * @param {object} [options]
 * @param {Record<string, string>} [options.vars] variables of the Worker, on top of `DEFAULT_VARS`; of an example, on top
 *   of those of its wrangler.toml
 * @param {string} [options.build] with `config`: what `example` gives, in place of the one for the tests
 * @param {string[]} [options.worker] with `config`: the files of another Worker's modules: see `startWorkerd`
 * @param {string[]} [options.entry] files of modules that run around the Worker: see `startWorkerd`
 * @param {(text: string) => void} [options.log] gets what workerd and the Worker print, instead of stderr
 * @param {boolean} [options.hasPrevious] true if a build runs in it whose defects are known
 * @param {string[]} [options.upstreamCa] certificates that it trusts of its upstream: see `startWorkerd`
 * @param {object} [options.layout] another configuration than that of `npm run serve`: see `startWorkerd`
 */
export async function startServer(owner, { vars = {}, build = RIGS_DIR, worker, config, entry, log, layout, upstreamCa, hasPrevious = false } = {}) {
  const all = { ...(config?.vars ?? DEFAULT_VARS), ...vars };
  const server = new Server({ vars: all, build, worker, config, entry, layout, upstreamCa }, new WorkerLog(log, { hasPrevious }));
  owner.after(() => server.stop());
  await server.start();
  return server;
}

class Server {
  #storage = temporaryDirectory();
  #worker;
  #workerd;
  #log;

  constructor(worker, log) {
    this.#worker = worker;
    this.#log = log;
  }

  get url() {
    return this.#workerd.url;
  }

  get pid() {
    return this.#workerd.pid;
  }

  /** The ports of its sockets, by their names. */
  get ports() {
    return this.#workerd.ports;
  }

  /** The directory of the objects' storage, for `readObjects`. */
  get objects() {
    return this.#workerd.objects;
  }

  /** Resident memory of workerd, in bytes. */
  memory() {
    return residentMemory(this.pid);
  }

  /** Starts it, after `kill` again: on the same storage and the same port. */
  async start() {
    const options = { ...this.#worker, port: this.#workerd?.port, storage: this.#storage };
    this.#workerd = await startWorkerd({ ...options, log: (text) => this.#log.add(text) });
  }

  /** kill -9. */
  async kill() {
    await this.#workerd.kill();
  }

  async stop() {
    await this.#workerd?.kill();
    removeDirectory(this.#storage);
    this.#log.check();
  }
}
