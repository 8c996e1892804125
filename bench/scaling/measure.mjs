// Starts the same server several times, each time with another number of sessions, of which each has a message echoed in its turn. As
// many messages are on their way, whatever the number of sessions: only that number differs.

import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { BUILD_DIR } from "../../scripts/tools.mjs";
import { workerConfig } from "../../scripts/worker-config.mjs";
import { memoryOf, processorTime } from "../../tests/harness/machine/processes.mjs";
import { startReference } from "../../tests/harness/servers/reference.mjs";
import { startServer } from "../../tests/harness/servers/server.mjs";
import { lines } from "../lines.mjs";
import { quantile } from "../speed/figures.mjs";
import { startFloor } from "../speed/servers.mjs";
import { Rotation } from "../speed/loads.mjs";
import { cpuTable, growthOf, memoryTable } from "./tables.mjs";

const SESSIONS = [10, 100, 1_000, 5_000];
/**
 * workerd keeps five files open for each object that is awake and its client on a WebSocket, and more for one over HTTP. A process may
 * often have no more than 20,000.
 */
const OBJECTS_MAX = 3_000;
const STREAMS_MAX = 3_000;
const STREAMS_AND_OBJECTS_MAX = 1_000;
const ROUNDS = 9;
const SLICE_MS = 1_000;
const WARM_UP_MS = 2_000;
const SETTLE_MS = 3_000;
const MEBIBYTE = 2 ** 20;
const LOAD = { inFlight: 8, bytes: 32 };
/** The cost of a message may grow by so much more than that of the servers it is compared with. */
const GROWTH_MAX = 1.3;

const VARS = { SOCKJS_TEST_SERVICES: "true", SOCKJS_DISCONNECT_DELAY: "60000" };
const start = (vars) => (owner) => startServer(owner, { build: BUILD_DIR, config: { ...workerConfig(), vars: { ...VARS, ...vars } } });
const inOneObject = { SOCKJS_PLACEMENT: "shards:1" };
const held = { SOCKJS_WEBSOCKET_HOLDER: "worker" };
const SERVERS = {
  "websocket, an object each": { start: start({}), mode: "websocket", most: OBJECTS_MAX },
  "websocket, all in one object": { start: start(inOneObject), mode: "websocket" },
  "websocket held by the Worker, an object each": { start: start(held), mode: "websocket", most: OBJECTS_MAX },
  "websocket held by the Worker, all in one object": { start: start({ ...inOneObject, ...held }), mode: "websocket" },
  "xhr-streaming, an object each": { start: start({}), mode: "xhr-streaming", most: STREAMS_AND_OBJECTS_MAX },
  "xhr-streaming, all in one object": { start: start(inOneObject), mode: "xhr-streaming", most: STREAMS_MAX },
  "websocket, the floor, an object each": { start: startFloor, mode: "websocket", most: OBJECTS_MAX, isOther: true },
  "websocket, sockjs-node": { start: startReference, mode: "websocket", isOther: true },
};

/**
 * Returns the microseconds of processor time for a message (the medians of all rounds), and the mebibytes of the idle server, each by
 * the number of sessions.
 */
async function measure(server) {
  const { start, mode } = server;
  const ends = [];
  const owner = { after: (end) => ends.push(end) };
  const [microseconds, mebibytes] = [[], []];
  try {
    for (const sessions of numbers(server)) {
      const { url, pid } = await start(owner);
      const load = await Rotation.open(url, { ...LOAD, mode, sessions });
      await sleep(SETTLE_MS); // the work of opening is over
      mebibytes.push(memoryOf(pid).rss / MEBIBYTE);
      await load.run(WARM_UP_MS);
      const costs = [];
      // In one go: while another server has its turn, objects would fall asleep, and waking them costs much more than a message.
      for (let round = 0; round < ROUNDS; round += 1) {
        const before = processorTime(pid);
        const { total } = await load.run(SLICE_MS);
        costs.push(((processorTime(pid) - before) * 1_000) / total);
      }
      microseconds.push(quantile(costs, 0.5));
      load.close();
    }
    return { microseconds, mebibytes };
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

/** The numbers of sessions. */
function numbers({ most = Infinity }) {
  return SESSIONS.map((sessions) => Math.min(sessions, most));
}

const rows = [];
for (const [name, server] of Object.entries(SERVERS)) {
  process.stderr.write(`${name}\n`);
  rows.push({ name, most: numbers(server).at(-1), ...(await measure(server)), isOther: Boolean(server.isOther) });
}
const figures = { sessions: SESSIONS, load: LOAD, rows };
console.log([...cpuTable(figures), "", ...memoryTable(figures)].join("\n"));
const [, , json] = process.argv;
if (json) writeFileSync(json, lines(figures));
// Also the least JavaScript costs more where more sessions are open: the runtime and the processor's caches have more to hold.
const allowed = GROWTH_MAX * Math.max(...rows.filter(({ isOther }) => isOther).map(growthOf));
for (const row of rows.filter((each) => !each.isOther && growthOf(each) > allowed)) {
  console.error(`${row.name}: a message costs ${growthOf(row).toFixed(2)} times as much with many sessions, not ${allowed.toFixed(2)} at most`);
  process.exitCode = 1;
}
