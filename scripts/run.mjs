// Starting other programs. Every child runs in a process group of its own that dies with this process, however this
// process ends: workerd, which would drain for ever, and the compilers of an interrupted build leave nothing behind.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants as fileModes, realpathSync } from "node:fs";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";

/** An error for the user, with what to do about it. */
export class Problem extends Error {
  constructor(message, fix) {
    super(message);
    this.fix = fix;
  }
}

/** A wrong command line: shown with the usage, exit code 2. */
export class UsageError extends Error {
  constructor(message, usage) {
    super(message);
    this.usage = usage;
  }
}

/**
 * Runs a script's main function, unless another script only imports it: `await main(import.meta, async () => ...)`.
 * What the function returns is the exit code.
 */
export async function main({ url }, body) {
  const script = process.argv[1];
  if (!script || realpathSync(script) !== fileURLToPath(url)) return;
  try {
    process.exitCode = (await body()) ?? 0;
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`error: ${error.message}\n\n${error.usage}\n`);
      process.exitCode = 2;
    } else if (error instanceof Problem) {
      process.stderr.write(`\nerror: ${error.message}\n`);
      if (error.fix) process.stderr.write(`fix:   ${error.fix}\n`);
      process.exitCode = 1;
    } else {
      throw error;
    }
  }
}

// The shell becomes the program (exec), so that the child's pid is the program's. Beside it waits a `cat` on the child's
// standard input, which is a pipe that only this process holds: when it closes, because this process ended, even by
// SIGKILL, the whole group is killed.
const TIED = `exec 9<&0 </dev/null
(cat <&9; kill -KILL -$$) >/dev/null 2>&1 3>&- &
exec "$@" 9<&-`;

/**
 * Starts a program that cannot outlive this process; it reads nothing from standard input.
 * Options are those of `spawn`; `stdio` lists what stands at descriptors 1 and up (at most 3).
 */
export function spawnTied(command, args, { stdio = ["inherit", "inherit"], ...options } = {}) {
  const child = spawn("/bin/sh", ["-c", TIED, "sh", command, ...args], {
    ...options,
    detached: true,
    stdio: ["pipe", ...stdio],
  });
  child.stdin.on("error", () => {}); // a broken lifeline only means that the child is gone
  child.on("exit", () => killGroup(child));
  return child;
}

/** Kills a tied child with all that it started. */
export function killGroup(child) {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

/** Runs a program with its output shown (standard output joins standard error); resolves to its exit code. */
export async function run(command, args, options = {}) {
  const child = spawnTied(command, args, { stdio: [2, 2], ...options });
  return exitCode(await once(child, "exit"));
}

/**
 * Runs a program and hands each line of its output to `onLine`; resolves to its exit code and all it said.
 * A carriage return ends a line too: progress bars redraw themselves with it.
 */
export async function follow(command, args, { onLine = () => {}, ...options } = {}) {
  const child = spawnTied(command, args, { ...options, stdio: ["pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    let rest = "";
    stream.setEncoding("utf8");
    stream.on("data", (text) => {
      output += text;
      const lines = (rest + text).split(/\r\n|\r|\n/);
      rest = lines.pop();
      lines.forEach(onLine);
    });
    stream.on("end", () => rest && onLine(rest));
  }
  return { code: exitCode(await once(child, "close")), output };
}

/** The exit code a shell would show: 128 + n for a program that died of signal n. */
function exitCode([code, signal]) {
  return code ?? 128 + constants.signals[signal];
}

export function isExecutable(file) {
  try {
    accessSync(file, fileModes.X_OK);
    return true;
  } catch {
    return false;
  }
}
