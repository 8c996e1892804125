// A built Worker in plain workerd: no proxy before it, storage on disk, killed and started again on the same storage.
// `npm run serve` and the tests stand on this.

import { once } from "node:events";
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { Problem, killGroup, spawnTied } from "./run.mjs";
import { BUILD_DIR, workerdBinary } from "./tools.mjs";
import { workerConfig } from "./worker-config.mjs";
import { workerdCapnp } from "./workerd-capnp.mjs";

const MODULES = ["index.js", "index_bg.wasm"];

/** The usual configuration: modules besides the built ones, the names of the sockets, the text. */
const PLAIN = { modules: [], sockets: ["http"], capnp: workerdCapnp };

/**
 * Starts workerd and resolves once it accepts connections.
 *
 * @param {object} options
 * @param {number} [options.port] 0, the default, takes a free one
 * @param {string} [options.host] address to listen on
 * @param {string} options.storage directory that outlives the process; made where missing, for one workerd at a time
 * @param {Record<string, string | number | boolean>} [options.vars] variables, in place of [vars] of wrangler.toml
 * @param {string} [options.build] folder of the built Worker, by default the deployable one
 * @param {string[]} [options.worker] in place of a built one, the files of another Worker's modules, the first its main one
 * @param {ReturnType<typeof workerConfig>} [options.config] and what its wrangler.toml says
 * @param {string[]} [options.entry] files of modules that run around the Worker, to watch it or to get in its way: the
 *   first takes its place, imports it as "./index.js", and exports what it exports
 * @param {object} [options.cluster] the cluster that it is a node of: see `clusterCapnp`
 * @param {string[]} [options.upstreamCa] certificates of authorities that the upstream may have its own from: PEM, one a string
 * @param {(text: string) => void} [options.log] gets all that workerd and the Worker print
 * @param {object} [options.layout] another configuration: `modules` to copy, each a file or `{ file, as }` to copy it under
 *   another name; the names of its `sockets`; `capnp`, which makes the text of the facts
 * @returns {Promise<{port: number, url: string, ports: Record<string, number>, pid: number, objects: string, kill: () => Promise<void>, terminate: () => Promise<void>, exited: Promise<number | string>}>}
 *   `ports` are those of all sockets by name; `objects` is the directory with one folder for each class of objects; `kill`
 *   is SIGKILL. `terminate` is SIGTERM, upon which workerd waits for every open stream, in a cluster for `stopTimeoutMs`. `exited`
 *   resolves to its exit code, or to the name of the signal that ended it.
 */
export async function startWorkerd({ port = 0, host = "127.0.0.1", log = logToStderr, layout = PLAIN, ...options }) {
  const address = host.includes(":") ? `[${host}]` : host;
  const { configFile, objects } = prepare({ address: `${address}:${port}`, layout, ...options });

  const experimental = options.cluster ? ["--experimental"] : [];
  const child = spawnTied(workerdBinary, ["serve", configFile, "--control-fd=3", ...experimental], { stdio: ["pipe", "pipe", "pipe"] });
  const exited = once(child, "exit").then(([code, signal]) => code ?? signal);
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text) => {
      printed = (printed + text).slice(-4_000);
      log(text);
    });
  }

  const ports = await Promise.race([listening(child.stdio[3], layout.sockets), once(child, "close")]);
  if (!ports.http) throw startFailure(`${address}:${port}`, printed);
  return {
    port: ports.http,
    url: `http://${address}:${ports.http}`,
    ports,
    pid: child.pid,
    objects,
    exited,
    async kill() {
      killGroup(child);
      await exited;
    },
    async terminate() {
      process.kill(child.pid, "SIGTERM");
      await exited;
    },
  };
}

function logToStderr(text) {
  process.stderr.write(text);
}

/** Writes what workerd reads. The modules are copied, so that a build during a run changes nothing under it. */
function prepare({ address, storage, vars, cluster, upstreamCa, layout, build = BUILD_DIR, worker, config = workerConfig(), entry = [] }) {
  const directory = resolve(storage, "worker");
  const objects = resolve(storage, "objects");
  for (const folder of [directory, objects]) makeFolder(folder);
  const files = [...entry, ...(worker ?? MODULES.map((name) => join(build, name)))];
  for (const module of [...files, ...layout.modules]) {
    const { file, as } = typeof module === "string" ? { file: module, as: basename(module) } : module;
    copyFileSync(file, join(directory, as));
  }
  const modules = files.map((file) => basename(file));
  const configFile = join(directory, "config.capnp");
  const text = layout.capnp({ ...config, vars: vars ?? config.vars, address, objects, modules, cluster, upstreamCa });
  // It may have the cluster's key, and secrets among the variables. A mode counts for new files alone.
  rmSync(configFile, { force: true });
  writeFileSync(configFile, text, { mode: 0o600 });
  return { configFile, objects };
}

function makeFolder(folder) {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new Problem(`${folder} cannot be made: ${error.message}`, "choose another folder with --storage");
  }
}

/**
 * The ports of the sockets of these names. workerd writes one JSON object a line to its control descriptor, one for each
 * socket that accepts.
 */
async function listening(stream, sockets) {
  const ports = {};
  for await (const line of createInterface({ input: stream })) {
    const { event, socket, port } = JSON.parse(line);
    if (event === "listen") ports[socket] = port;
    if (sockets.every((name) => name in ports)) return ports;
  }
  return new Promise(() => {}); // closed without it: workerd's end decides
}

function startFailure(address, printed) {
  if (/already in use/i.test(printed)) {
    return new Problem(`${address} is already in use`, "stop what listens there, or choose another port with --port");
  }
  if (/cannot assign requested address|DNS lookup failed/i.test(printed)) {
    return new Problem(`${address} is no address of this machine`, "choose another one with --host");
  }
  return new Problem(`workerd did not start:\n${printed.trim()}`);
}
