// A bundle as it runs on a bare machine: by a user without rights, with an environment of its own.

import { once } from "node:events";
import { chmodSync, chownSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { writeBundle } from "../../scripts/bundle/write.mjs";
import { killGroup, spawnTied } from "../../scripts/run.mjs";
import { removeDirectory, temporaryDirectory } from "../harness/machine/temporary.mjs";
import { until, within } from "../harness/waiting/wait.mjs";

const NOBODY = 65_534;
const IS_ROOT = process.getuid() === 0;
const AS_NOBODY = IS_ROOT ? ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"] : [];
/** The tests do not wait for a load balancer, nor for long. */
const QUICK = { LISTEN: "127.0.0.1:0", DRAIN_MS: "0", STOP_TIMEOUT_MS: "2000" };

/** A directory that lasts as long as `owner`, and that everybody may read. */
export function publicDirectory(owner) {
  const directory = temporaryDirectory();
  owner.after(() => removeDirectory(directory));
  chmodSync(directory, 0o755);
  return directory;
}

/** Makes a bundle of the project. */
export async function makeBundle(owner, { project, names } = {}) {
  const out = join(publicDirectory(owner), "bundle");
  await writeBundle({ out, project, names });
  return new Bundle(out);
}

class Bundle {
  constructor(directory) {
    this.directory = directory;
  }

  /** Starts it, with a directory for its data unless `vars` name one. `files` are its soft and its hard limit of open files. */
  spawn(owner, vars = {}, { files } = {}) {
    const data = join(publicDirectory(owner), "data");
    mkdirSync(data);
    if (IS_ROOT) chownSync(data, NOBODY, NOBODY);
    const limited = files ? ["prlimit", `--nofile=${files.join(":")}`] : [];
    return new Run(owner, this.directory, { ...QUICK, DATA_DIR: data, ...vars }, [...limited, ...AS_NOBODY]);
  }

  /** Starts it, and resolves once it listens. */
  async start(owner, vars, options) {
    const run = this.spawn(owner, vars, options);
    await run.listens();
    return run;
  }

  /** Starts it, and resolves to its exit code and what it printed. */
  async end(owner, vars) {
    const run = this.spawn(owner, vars);
    return { code: await within(run.exited, "the end of start.sh"), printed: run.printed };
  }
}

/** The pids of the workerd processes in a process group. */
function workerdsOf(group) {
  const stats = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(readStat);
  // `pid (name) state parent group ...`
  const pattern = new RegExp(`^(\\d+) \\(workerd\\) [^ZX] \\d+ ${group} `);
  return stats.map((stat) => pattern.exec(stat)).filter(Boolean).map(([, pid]) => Number(pid));
}

function readStat(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return ""; // it ended meanwhile
  }
}

class Run {
  printed = "";
  /** The processes of workerd that start.sh left behind. */
  left;
  #child;

  constructor(owner, directory, vars, wrapper) {
    this.data = vars.DATA_DIR;
    const [command, ...args] = [...wrapper, join(directory, "start.sh")];
    const env = { PATH: "/usr/bin:/bin", ...vars };
    this.#child = spawnTied(command, args, { env, cwd: directory, stdio: ["pipe", "pipe"] });
    owner.after(() => killGroup(this.#child));
    // First of all that happens at its end: then its whole group is killed.
    this.#child.prependListener("exit", () => (this.left = workerdsOf(this.pid)));
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding("utf8");
      stream.on("data", (text) => (this.printed += text));
    }
    /** Resolves to the exit code, once all that it printed was read. */
    this.exited = once(this.#child, "close").then(([code, signal]) => code ?? signal);
  }

  get pid() {
    return this.#child.pid;
  }

  /** The process id of workerd, once it listens. */
  get workerd() {
    const [pid, ...others] = workerdsOf(this.pid);
    if (others.length > 0) throw new Error("more than one workerd runs");
    return pid;
  }

  /** Resolves once it listens. */
  async listens() {
    const ended = this.exited.then((code) => {
      throw new Error(`start.sh ended with ${code}:\n${this.printed}`);
    });
    const listens = until(() => /^listening on (http:.*)$/m.exec(this.printed), "start.sh to listen");
    [, this.url] = await Promise.race([listens, ended]);
  }

  /** The configuration that start.sh wrote for workerd. */
  get configuration() {
    return readFileSync(join(this.data, "run/node.capnp"), "utf8");
  }

  signal(name) {
    process.kill(this.pid, name);
  }

  /** SIGTERM; resolves to the exit code. */
  async terminate(ms) {
    this.signal("SIGTERM");
    return within(this.exited, "the end of start.sh", ms);
  }
}
