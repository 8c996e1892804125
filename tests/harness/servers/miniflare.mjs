// The built Worker, or an example, in Miniflare: there an object can be evicted without ten seconds of silence.

import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { killGroup, spawnTied } from "../../../scripts/run.mjs";
import { RIGS_DIR } from "../../../scripts/tools.mjs";
import { workerConfig } from "../../../scripts/worker-config.mjs";
import { removeDirectory, temporaryDirectory } from "../machine/temporary.mjs";
import { within } from "../waiting/wait.mjs";
import { DEFAULT_VARS } from "./server.mjs";
import { WorkerLog } from "./worker-log.mjs";

const HOST = fileURLToPath(new URL("miniflare-host.mjs", import.meta.url));

/**
 * Like `startServer`, but in Miniflare; `rateLimits` are the limits for a minute, by the names of rate-limiting bindings. With
 * `client`, responses can be read piece by piece: see `PacedResponse`.
 */
export async function startMiniflare(owner, { vars = {}, build = RIGS_DIR, config, rateLimits = {}, client = false, log } = {}) {
  const all = { ...(config?.vars ?? DEFAULT_VARS), ...vars };
  const miniflare = new MiniflareServer({ vars: all, build, config: config ?? workerConfig(), rateLimits, client }, log);
  owner.after(() => miniflare.stop());
  await miniflare.start();
  return miniflare;
}

class MiniflareServer {
  #directory = temporaryDirectory();
  #worker;
  #child;
  /** Resolvers of the pending orders, by number. Number 0 is the start. */
  #orders = new Map();
  #lastOrder = 0;
  #log;

  constructor(worker, log) {
    this.#worker = worker;
    this.#log = new WorkerLog(log);
  }

  get pid() {
    return this.#child.pid;
  }

  /** The directory of the objects' storage, for `readObjects`. */
  get objects() {
    return join(this.#directory, "storage/do");
  }

  /** Starts it, also after `kill`: with the same storage, at another port. */
  async start() {
    const temporary = join(this.#directory, "tmp"); // files that Miniflare would leave behind when it is killed
    mkdirSync(temporary, { recursive: true });
    const options = { ...this.#worker, storage: join(this.#directory, "storage") };
    this.#child = spawnTied(process.execPath, [HOST, JSON.stringify(options)], {
      env: { ...process.env, TMPDIR: temporary },
      stdio: ["pipe", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => this.#log.add(text));
    }
    const started = this.#expect(0);
    createInterface({ input: this.#child.stdio[3] }).on("line", (line) => this.#take(JSON.parse(line)));
    this.#child.on("exit", () => {
      for (const { reject } of this.#orders.values()) reject(new Error("Miniflare ended"));
      this.#orders.clear();
    });
    const { url, clientUrl } = await within(started, "Miniflare to start", 60_000);
    this.url = url;
    this.clientUrl = clientUrl;
  }

  /** Evicts the object of that name, once it is idle; its WebSockets "hibernate", or are broken with "close". */
  async evict(name, webSockets) {
    // It waits up to 30 s for the end of pending requests.
    await this.#order({ evict: { name, webSockets } }, `the eviction of ${name}`, 45_000);
  }

  /** Runs the Worker's scheduled event, to its end. */
  async runCron(cron) {
    await this.#order({ cron }, `the cron ${cron}`);
  }

  async #order(order, what, ms) {
    const number = ++this.#lastOrder;
    const answered = this.#expect(number);
    this.#child.stdio[3].write(`${JSON.stringify({ number, ...order })}\n`);
    const { error } = await within(answered, what, ms);
    if (error) throw new Error(`${what} failed: ${error}`);
  }

  /** Returns the answer to an order. */
  #expect(number) {
    const { promise, resolve, reject } = Promise.withResolvers();
    // Nobody may be waiting for it when Miniflare ends.
    promise.catch(() => {});
    this.#orders.set(number, { resolve, reject });
    return promise;
  }

  #take({ number = 0, ...answer }) {
    this.#orders.get(number)?.resolve(answer);
    this.#orders.delete(number);
  }

  /** Kills it with SIGKILL. */
  async kill() {
    if (!isAlive(this.#child)) return;
    killGroup(this.#child);
    await once(this.#child, "exit");
  }

  async stop() {
    await this.kill();
    removeDirectory(this.#directory);
    this.#log.check();
  }
}

function isAlive(child) {
  return child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
}
