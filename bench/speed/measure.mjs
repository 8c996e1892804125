// Runs the scenarios with all servers at once, in turn in short slices, so that other load of the machine affects all of them.

import { setTimeout as sleep } from "node:timers/promises";
import { memoryOf, processorTime } from "../../tests/harness/machine/processes.mjs";
import { Idle } from "./loads.mjs";
import { SERVERS, withServer, withServers } from "./servers.mjs";

const MEMORY_ROUNDS = 3;
const PLACEMENTS = { echo: "with an object each", broadcast: "in one room" };

/**
 * Returns the slices of every scenario: `{ name, unit, options, samples }`, where samples has by server a list of `{ rate,
 * processor }`: operations a second, and the server's processor time for each, in microseconds. Each scenario has servers of its
 * own, since a thousand sessions that are over leave some work behind.
 *
 *  @param {(name: string) => void} progress is called with the name of the next scenario
 */
export async function measureSpeed(scenarios, settings, progress) {
  const results = [];
  for (const { open, ...scenario } of scenarios) {
    progress(scenario.name);
    try {
      results.push({ ...scenario, samples: await withServers((servers) => slices(servers, open, settings)) });
    } catch (error) {
      throw new Error(`${scenario.name}: ${error.message}`, { cause: error });
    }
  }
  return results;
}

async function slices(servers, open, { rounds, sliceMs, warmUpMs, scenarioMs }) {
  const names = Object.keys(servers);
  const loads = {};
  const samples = Object.fromEntries(names.map((name) => [name, []]));
  try {
    for (const name of names) loads[name] = await open(servers[name].url);
    for (const name of names) await loads[name].run(warmUpMs);
    const started = performance.now();
    for (let round = 0; round < rounds; round += 1) {
      // On a busy or slow machine, run fewer rounds instead of taking an hour.
      if (round > 0 && performance.now() - started > scenarioMs) break;
      for (const name of rotated(names, round)) samples[name].push(await sample(servers[name], loads[name], sliceMs));
    }
    return samples;
  } finally {
    for (const load of Object.values(loads)) load.close();
  }
}

async function sample({ pid }, load, sliceMs) {
  const before = processorTime(pid);
  const { count, ms, total } = await load.run(sliceMs);
  return { rate: (count / ms) * 1_000, processor: ((processorTime(pid) - before) / total) * 1_000 };
}

/**
 * Returns the bytes of an idle connection, in the same form: samples are `{ rss, pss }`. Each measurement has a server of its
 * own.
 */
export async function measureMemory({ rounds, sessions, settleMs }, progress) {
  const results = [];
  for (const [service, placement] of Object.entries(PLACEMENTS)) {
    const name = `memory of an idle websocket, ${sessions} ${placement}`;
    progress(name);
    const samples = Object.fromEntries(Object.keys(SERVERS).map((server) => [server, []]));
    for (let round = 0; round < Math.min(rounds, MEMORY_ROUNDS); round += 1) {
      for (const server of rotated(Object.keys(SERVERS), round)) {
        samples[server].push(await withServer(server, (started) => idleMemory(started, { service, sessions, settleMs })));
      }
    }
    results.push({ mode: "memory", name, unit: "KiB", options: { placement, sessions }, samples });
  }
  return results;
}

async function idleMemory({ url, pid }, { service, sessions, settleMs }) {
  const first = await Idle.open(url, { service, sessions: Math.ceil(sessions / 10) }); // one-time allocations
  await sleep(settleMs); // garbage of the openings is collected
  const before = memoryOf(pid);
  const idle = await Idle.open(url, { service, sessions });
  await sleep(settleMs); // garbage of the openings is collected
  const after = memoryOf(pid);
  first.close();
  idle.close();
  const each = (what) => (after[what] - before[what]) / sessions / 1024;
  return { rss: each("rss"), pss: each("pss") };
}

function rotated(list, by) {
  const at = by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}
