// Measures everything at once: most of the time is spent waiting, and each scenario has its own server.

import { writeFileSync } from "node:fs";
import { ACTIONS } from "./actions.mjs";
import { PRICES, billed, dollars, times, worstDollars } from "./bill.mjs";
import { TRANSPORTS } from "./connections.mjs";
import { measureIdle } from "./idle.mjs";
import { LOOKS_PER_HOUR, ROOM_SIZE, rowsPerHour } from "./limits.mjs";
import { METRICS_TRANSPORTS, measureMetrics } from "./metrics.mjs";
import { REFUSALS, refuse } from "./refusals.mjs";
import { number, report } from "./report.mjs";
import { PLACEMENTS, isByWorker, isRoom, withServer } from "./servers.mjs";
import { measureCpu } from "./worker-cpu.mjs";
import { lines } from "../lines.mjs";

const HEARTBEAT_MS = 25_000;
/** Number of heartbeats from which streams are watched for a whole life. */
const WHOLE_LIFE_FROM = 20;
const REFUSED = 5;

const { heartbeats, json } = JSON.parse(process.argv[2]);
const cells = PLACEMENTS.flatMap((placement) => Object.keys(TRANSPORTS).map((transport) => ({ placement, transport })));

const counted = cells.filter(({ transport }) => METRICS_TRANSPORTS.includes(transport));

const measured = await Promise.all([
  ...cells.map(measureActions),
  ...cells.map(measureIdleHour),
  ...counted.map(measureAdded),
  measureRefusals(),
]);
// Separately, since it takes processor time.
measured.push(await measureCpu());
const results = measured.flat().map((result) => {
  const { counters } = result;
  if (!counters) return result;
  return { ...result, billed: billed(counters), dollars: dollars(counters), worstDollars: worstDollars(counters) };
});
const failures = results.flatMap(judge);

process.stdout.write(report(results, heartbeats < WHOLE_LIFE_FROM));
for (const failure of failures) process.stdout.write(`FAILED  ${failure}\n`);
if (json) writeFileSync(json, lines({ prices: PRICES, heartbeats, results, failures }));
process.exitCode = failures.length === 0 ? 0 : 1;

async function measureActions({ placement, transport }) {
  const results = [];
  for (const [action, measure] of Object.entries(ACTIONS)) {
    results.push({ action, placement, transport, counters: await measure(placement, transport) });
  }
  return results;
}

async function measureAdded({ placement, transport }) {
  const added = await measureMetrics(placement, transport);
  return added.map(({ scenario, counters }) => ({ action: `metrics: ${scenario}`, placement, transport, counters }));
}

/** Measures an idle hour, and for a poller also the cost of each turn. */
async function measureIdleHour({ placement, transport }) {
  const { kind, isRaw, open } = TRANSPORTS[transport];
  const count = isRoom(placement) ? ROOM_SIZE : 1;
  // If the Worker schedules the heartbeats, a stream lives for a day.
  const wholeLife = kind === "stream" && heartbeats >= WHOLE_LIFE_FROM && !isByWorker(placement);
  const options = { count, heartbeatMs: HEARTBEAT_MS, heartbeats, beats: !isRaw, wholeLife };
  const idle = await withServer(placement, (server, owner) =>
    measureIdle(server, () => open(owner, `${server.url}/echo`), options),
  );
  const { counters, heartbeats: beats, hours, storedBytes } = idle;
  const ofHour = times(counters, 1 / hours / count);
  if (isByWorker(placement) && kind !== "poll") {
    // The check is too rare to be counted.
    ofHour.alarms += LOOKS_PER_HOUR / count;
    ofHour.setAlarms += LOOKS_PER_HOUR / count;
  }
  const hour = { action: "idle hour", counters: ofHour, storedBytes: storedBytes / count };
  const turn = { action: "poll turn", counters: times(counters, 1 / beats / count) };
  const results = kind === "poll" ? [turn, hour] : [hour];
  return results.map((result) => ({ ...result, placement, transport }));
}

async function measureRefusals() {
  const results = [];
  for (const name of Object.keys(REFUSALS)) {
    results.push({ action: "refused request", transport: name, counters: times(await refuse(name, REFUSED), 1 / REFUSED) });
  }
  return results;
}

/** Returns a description of each figure above its limit. */
function judge({ action, placement, transport, billed: { rowsWritten, objectRequests } = {} }) {
  const what = [action, transport, placement].filter(Boolean).join(", ");
  const above = (unit, found, limit) => (found > limit ? [`${what}: ${number(found)} ${unit}, not ${limit} at most`] : []);
  if (action === "idle hour") return above("rows written", rowsWritten, rowsPerHour(placement, TRANSPORTS[transport].kind));
  if (action !== "refused request") return [];
  const limit = REFUSALS[transport].objectRequests;
  return [...above("rows written", rowsWritten, 0), ...above("requests to objects", objectRequests, limit)];
}
