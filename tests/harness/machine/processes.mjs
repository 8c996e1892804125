// The processes of this machine, from /proc.

import { readFileSync, readdirSync } from "node:fs";
import { until } from "../waiting/wait.mjs";

/** True if the process runs. One that ended and waits to be collected by its parent does not. */
export function isRunning(pid) {
  const state = readStat(pid)?.state;
  return state !== undefined && state !== "Z" && state !== "X";
}

/** The pids of all that the process started, and of what those started. */
export function descendants(pid) {
  const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const children = all.filter((child) => readStat(child)?.parent === pid).map(Number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}

export async function allEnded(pids, what) {
  await until(() => !pids.some(isRunning), `the end of ${what}, processes ${pids.join(", ")}`);
}

/** Resident memory in bytes. */
export function residentMemory(pid) {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(kilobytes) * 1024;
}

/** Resident memory in bytes: all of it, and with what is shared divided by those who share it. */
export function memoryOf(pid) {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const bytes = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(rollup)[1]) * 1024;
  return { rss: bytes("Rss"), pss: bytes("Pss") };
}

/** Processor time that the process has taken so far, in milliseconds; Linux counts it in hundredths of a second. */
export function processorTime(pid) {
  return readStat(pid).ticks * 10;
}

function readStat(pid) {
  try {
    // The name in parentheses may hold anything, spaces and parentheses too.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1).split(" ");
    return { state: fields[0], parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
  } catch (error) {
    if (error.code === "ENOENT" || error.code === "ESRCH") return undefined;
    throw error;
  }
}
