// RabbitMQ with Web-STOMP, on free ports, with its files in a temporary directory. The same ports and files serve it after a restart.

import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { delimiter, join } from "node:path";
import { freePort } from "../../../scripts/free-port.mjs";
import { Problem, isExecutable, killGroup, spawnTied } from "../../../scripts/run.mjs";
import { removeDirectory, temporaryDirectory } from "../../harness/machine/temporary.mjs";
import { until, within } from "../../harness/waiting/wait.mjs";

/** Debian's script in PATH runs as the user `rabbitmq` only. This directory has the script behind it. */
const DIRECTORIES = ["/usr/lib/rabbitmq/bin", ...(process.env.PATH ?? "").split(delimiter)];

/** An idle machine needs 14 s. */
const START_MS = 120_000;
const STOP_MS = 60_000;

/** Returns the path of the server's start script. */
export function findRabbitMq() {
  const found = DIRECTORIES.map((directory) => join(directory, "rabbitmq-server")).find(isExecutable);
  if (found) return found;
  throw new Problem(
    "rabbitmq-server was not found in /usr/lib/rabbitmq/bin or PATH",
    "on Debian, apt-get install --no-install-recommends rabbitmq-server",
  );
}

/** Starts RabbitMQ. `address` is that of its Web-STOMP endpoint; user and password are `guest`. */
export async function startRabbitMq(owner) {
  const server = new RabbitMq(findRabbitMq());
  owner.after(() => server.end());
  await server.prepare();
  await server.start();
  return server;
}

class RabbitMq {
  #program;
  #directory = temporaryDirectory();
  #env;
  #portMapper;
  #child;
  #exited;
  #printed = "";

  constructor(program) {
    this.#program = program;
  }

  get address() {
    return `ws://127.0.0.1:${this.port}/ws`;
  }

  async prepare() {
    this.port = await freePort();
    const file = (name, text) => {
      const path = join(this.#directory, name);
      writeFileSync(path, text);
      return path;
    };
    const config = [
      "listeners.tcp = none",
      "stomp.listeners.tcp = none",
      `web_stomp.tcp.listener = 127.0.0.1:${this.port}`,
      "log.console = true",
      "log.file = false",
    ];
    // Without a program of its own that maps names to ports, RabbitMQ starts one that outlives it.
    const mapperPort = await freePort();
    this.#env = {
      ...process.env,
      HOME: this.#directory,
      ERL_EPMD_PORT: String(mapperPort),
      ERL_EPMD_ADDRESS: "127.0.0.1",
      RABBITMQ_NODENAME: "sockjs-edge@localhost",
      RABBITMQ_DIST_PORT: String(await freePort()),
      RABBITMQ_CONF_ENV_FILE: "/dev/null",
      RABBITMQ_CONFIG_FILE: file("rabbitmq.conf", `${config.join("\n")}\n`),
      RABBITMQ_ADVANCED_CONFIG_FILE: join(this.#directory, "advanced.config"),
      RABBITMQ_ENABLED_PLUGINS_FILE: file("plugins", "[rabbitmq_web_stomp].\n"),
      RABBITMQ_MNESIA_BASE: join(this.#directory, "data"),
      RABBITMQ_LOG_BASE: join(this.#directory, "log"),
      RABBITMQ_PID_FILE: join(this.#directory, "pid"),
    };
    this.#portMapper = spawnTied("epmd", ["-port", String(mapperPort), "-address", "127.0.0.1"], { stdio: ["ignore", "ignore"] });
    await until(() => accepts(mapperPort), "epmd to accept connections");
  }

  /** Starts it, after `stop` or `kill` again. */
  async start() {
    const child = spawnTied(this.#program, [], { stdio: ["pipe", "pipe"], env: this.#env });
    this.#child = child;
    let isRunning = true;
    this.#exited = once(child, "exit").then(() => (isRunning = false));
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8");
      stream.on("data", (text) => {
        this.#printed = (this.#printed + text).slice(-4_000);
        if (process.env.SOCKJS_GATEWAY_LOG) process.stderr.write(text);
      });
    }
    // Its listeners accept a little before it serves them.
    const isReady = async () => !isRunning || (/Server startup complete/.test(this.#printed) && (await accepts(this.port)));
    await until(isReady, "RabbitMQ to start", START_MS);
    if (!isRunning) throw new Problem(`RabbitMQ did not start:\n${this.#printed.trim()}`);
    this.#printed = "";
  }

  /** Stops it as its operator does. */
  async stop() {
    process.kill(this.#child.pid, "SIGTERM");
    await within(this.#exited, "RabbitMQ to stop", STOP_MS);
  }

  /** kill -9. */
  async kill() {
    killGroup(this.#child);
    await this.#exited;
  }

  async end() {
    if (this.#child) await this.kill();
    if (this.#portMapper) killGroup(this.#portMapper);
    removeDirectory(this.#directory);
  }
}

async function accepts(port) {
  const socket = connect(port, "127.0.0.1");
  const accepted = await Promise.race([once(socket, "connect").then(() => true), once(socket, "close").then(() => false)]).catch(() => false);
  socket.destroy();
  return accepted;
}
