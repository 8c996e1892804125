// One process at a time may change the project's folders. The lock is a file that names its holder; it is touched while
// it is held, so that a holder that was killed, or whose pid now belongs to another program, does not hold it for ever.

import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { TOOLS_DIR } from "../tools.mjs";

const TOUCH_EVERY_MS = 1_000;
const POLL_EVERY_MS = 250;
/** Counted by the waiter's own polls, since after a suspend every lock file looks old. */
const UNTOUCHED_POLLS_UNTIL_STALE = 80;

/** Runs the body while holding the lock of that name, after waiting for whoever holds it. */
export async function withLock(name, body) {
  mkdirSync(TOOLS_DIR, { recursive: true });
  const file = join(TOOLS_DIR, `${name}.lock`);
  await acquire(file);
  const isMine = () => readHolder(file)?.pid === process.pid;
  const touch = setInterval(() => {
    if (isMine()) return utimesSync(file, new Date(), new Date());
    process.stderr.write("error: another process took over while this one was suspended\n");
    process.exit(1);
  }, TOUCH_EVERY_MS);
  const release = () => isMine() && rmSync(file, { force: true });
  process.once("exit", release);
  try {
    return await body();
  } finally {
    clearInterval(touch);
    process.off("exit", release);
    release();
  }
}

async function acquire(file) {
  let said = false;
  let lastTouched;
  let untouchedPolls = 0;
  while (!tryCreate(file)) {
    const holder = readHolder(file);
    if (holder === undefined) continue; // released meanwhile
    untouchedPolls = holder.touched === lastTouched ? untouchedPolls + 1 : 0;
    lastTouched = holder.touched;
    if (!isAlive(holder.pid) || untouchedPolls > UNTOUCHED_POLLS_UNTIL_STALE) {
      removeStale(file, holder);
      continue;
    }
    if (!said) process.stderr.write(`waiting for process ${holder.pid}, which is at work here ...\n`);
    said = true;
    await sleep(POLL_EVERY_MS);
  }
}

/** Links a finished file into place: the lock never exists without its holder's pid in it. */
function tryCreate(file) {
  const mine = `${file}.${process.pid}`;
  writeFileSync(mine, `${process.pid}\n`);
  try {
    linkSync(mine, file);
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    return false;
  } finally {
    rmSync(mine, { force: true });
  }
}

function readHolder(file) {
  try {
    return { pid: Number(readFileSync(file, "utf8")), touched: statSync(file).mtimeMs };
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
    return undefined;
  }
}

/** Moves the stale lock away before deleting it, and puts it back if another waiter was faster and holds it now. */
function removeStale(file, stale) {
  const aside = `${file}.stale.${process.pid}`;
  try {
    renameSync(file, aside);
    if (Number(readFileSync(aside, "utf8")) !== stale.pid) linkSync(aside, file);
  } catch (error) {
    if (error.code !== "ENOENT" && error.code !== "EEXIST") throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
