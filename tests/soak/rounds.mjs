// Rounds of sessions that are abandoned: everyone's application is told, nothing stays on disk, and when the objects are out
// of memory the server is as large as after the round before.

import { MemoryWatch } from "../harness/machine/memory.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { readObjects } from "../harness/servers/storage.mjs";
import { until } from "../harness/waiting/wait.mjs";
import { abandon } from "./abandon.mjs";
import { abortAll } from "./aborted-rounds.mjs";
import { Lives } from "./lives.mjs";
import { countOpenObjects } from "./open-objects.mjs";

const SESSIONS = 1_000;
/** Between two looks at the memory. */
const LOOK_MS = 250;
const AT_ONCE = 50;
/** The first round finds what is allocated once. The last has to end no more than a tenth above the one before. */
const ROUNDS = 12;
const GROWTH = 1.1;

const CLOSED_MS = 60_000;
/** A closed id is remembered for 5 s here, until its alarm; then an object is evicted after 10 s, or 140 s if it may not sleep. */
const EVICTED_MS = 300_000;

const endings = [];
try {
  const isGood = [await abortAll({ after: (end) => endings.push(end) }), await soak()];
  process.exitCode = isGood.every(Boolean) ? 0 : 1;
} finally {
  for (const end of endings) await end();
}

async function soak() {
  const lives = new Lives();
  const vars = { SOCKJS_DISCONNECT_DELAY: "5000" };
  const owner = { after: (end) => endings.push(end) };
  const server = await startServer(owner, { vars, log: (text) => lives.add(text) });
  const failures = [];
  const rounds = [];
  const isLevel = () => rounds.at(-1).after <= rounds.at(-2).after * GROWTH;
  for (let number = 1; number <= ROUNDS; number += 1) {
    rounds.push(await round(server, lives, number * SESSIONS, (what) => failures.push(`round ${number}: ${what}`)));
    print(rounds.at(-1), number);
  }
  if (!isLevel()) failures.push("the server's memory grew in the last round");
  if (lives.odd.length > 0) failures.push(`told twice, or of an end without a beginning: ${lives.odd.join(" ")}`);
  for (const failure of failures) console.log(`FAILED  ${failure}`);
  if (failures.length === 0) console.log("ok");
  return failures.length === 0;
}

/** One round, at whose end `total` sessions should have lived. */
async function round(server, lives, total, fail) {
  const memory = new MemoryWatch(server, LOOK_MS);
  const { before } = memory;
  const attempt = (what) => what.catch((error) => fail(error.message));
  await attempt(abandon(`${server.url}/witness`, SESSIONS, AT_ONCE));
  await attempt(until(() => lives.counts.closed >= total, `the end of ${total} sessions`, CLOSED_MS));
  const { opened, closed } = lives.counts;
  if (opened !== total || closed !== total) fail(`${opened} sessions opened and ${closed} closed, of ${total}`);
  await attempt(until(() => countOpenObjects(server.pid, server.objects) === 0, "the eviction of all objects", EVICTED_MS));
  const objects = Object.values(readObjects(server.objects));
  const rows = objects.reduce((sum, object) => sum + object.rows, 0);
  const alarms = objects.filter(({ alarm }) => alarm !== null).length;
  if (rows + alarms > 0) fail(`${rows} rows and ${alarms} alarms are left`);
  return { opened, closed, rows, alarms, before, ...memory.stop() };
}

function print({ opened, closed, rows, alarms, before, peak, after }, number) {
  const columns = { round: number, opened, closed, rows, alarms, before: mib(before), peak: mib(peak), after: mib(after) };
  if (number === 1) console.log(`${line(Object.keys(columns))}   (sessions so far; MiB)`);
  console.log(line(Object.values(columns)));
}

function line(cells) {
  return cells.map((cell) => String(cell).padStart(8)).join("");
}

function mib(bytes) {
  return (bytes / (1 << 20)).toFixed(1);
}
