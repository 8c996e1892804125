// What runs on this machine, from /proc.

import { readFileSync, readdirSync } from "node:fs";
import { until } from "./wait.mjs";

/** Whether the process runs. One that ended and waits to be collected by its parent does not. */
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

function readStat(pid) {
  try {
    // The name in parentheses may hold anything, spaces and parentheses too.
    const [state, parent] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1).split(" ");
    return { state, parent: Number(parent) };
  } catch (error) {
    if (error.code === "ENOENT" || error.code === "ESRCH") return undefined;
    throw error;
  }
}
