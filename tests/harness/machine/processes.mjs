// Reads the processes of this machine from /proc.

import { readFileSync, readdirSync } from "node:fs";
import { until } from "../waiting/wait.mjs";

/** Returns true if the process runs. A process that ended and waits for its parent does not. */
export function isRunning(pid) {
  const state = readStat(pid)?.state;
  return state !== undefined && state !== "Z" && state !== "X";
}

/** Returns the pids of all processes that the process started, directly or indirectly. */
export function descendants(pid) {
  const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const children = all.filter((child) => readStat(child)?.parent === pid).map(Number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}

export async function allEnded(pids, what) {
  await until(() => !pids.some(isRunning), `the end of ${what}, processes ${pids.join(", ")}`);
}

/** Returns the resident memory in bytes. */
export function residentMemory(pid) {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(kilobytes) * 1024;
}

/** Returns the resident memory in bytes: the total, and the proportional share of it. */
export function memoryOf(pid) {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const bytes = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(rollup)[1]) * 1024;
  return { rss: bytes("Rss"), pss: bytes("Pss") };
}

/** Returns the processor time of the process so far, in milliseconds; Linux counts it in hundredths of a second. */
export function processorTime(pid) {
  return readStat(pid).ticks * 10;
}

function readStat(pid) {
  try {
    // The name in parentheses may contain anything, even spaces and parentheses.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1).split(" ");
    return { state: fields[0], parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
  } catch (error) {
    if (error.code === "ENOENT" || error.code === "ESRCH") return undefined;
    throw error;
  }
}
