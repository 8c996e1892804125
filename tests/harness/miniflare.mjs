// The built Worker, or an example, in Miniflare: there an object can be put to sleep without waiting for ten seconds of silence.

import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { killGroup, spawnTied } from "../../scripts/run.mjs";
import { RIGS_DIR } from "../../scripts/tools.mjs";
import { workerConfig } from "../../scripts/worker-config.mjs";
import { Queue } from "./queue.mjs";
import { DEFAULT_VARS } from "./server.mjs";
import { removeDirectory, temporaryDirectory } from "./temporary.mjs";
import { WorkerLog } from "./worker-log.mjs";

const HOST = fileURLToPath(new URL("miniflare-host.mjs", import.meta.url));

/**
 * As `startServer`, but in Miniflare; `rateLimits` are how often in a minute, by the names of rate-limiting bindings. With
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
  #answers;
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

  /** Starts it, after `kill` again: on the same storage, at another port. */
  async start() {
    const temporary = join(this.#directory, "tmp"); // what Miniflare would leave behind when it is killed
    mkdirSync(temporary, { recursive: true });
    const options = { ...this.#worker, storage: join(this.#directory, "storage") };
    this.#child = spawnTied(process.execPath, [HOST, JSON.stringify(options)], {
      env: { ...process.env, TMPDIR: temporary },
      stdio: ["pipe", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => this.#log.add(text));
    }
    const answers = new Queue();
    createInterface({ input: this.#child.stdio[3] }).on("line", (line) => answers.push(JSON.parse(line)));
    this.#child.on("exit", () => answers.end(new Error("Miniflare ended")));
    this.#answers = answers;
    const { url, clientUrl } = await answers.next("Miniflare to start", 60_000);
    this.url = url;
    this.clientUrl = clientUrl;
  }

  /** Puts the object of that name out of memory; its WebSockets "hibernate", or are broken with "close". */
  async evict(name, webSockets) {
    // It waits up to 30 s for the end of requests that the object still answers.
    await this.#order({ evict: { name, webSockets } }, `the eviction of ${name}`, 45_000);
  }

  /** Runs the Worker's scheduled event, to its end. */
  async runCron(cron) {
    await this.#order({ cron }, `the cron ${cron}`);
  }

  async #order(order, what, ms) {
    this.#child.stdio[3].write(`${JSON.stringify(order)}\n`);
    const { error } = await this.#answers.next(what, ms);
    if (error) throw new Error(`${what} failed: ${error}`);
  }

  /** kill -9. */
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
