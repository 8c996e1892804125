// The table of `npm run bench:gateway`. The gateway and the proxy have the same upstream, and get the load in turn, in short
// slices.

import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { killGroup, spawnTied } from "../../scripts/run.mjs";
import { BUILD_DIR, nodeBinary } from "../../scripts/tools.mjs";
import { workerConfig } from "../../scripts/worker-config.mjs";
import { processorTime } from "../../tests/harness/machine/processes.mjs";
import { startServer } from "../../tests/harness/servers/server.mjs";
import { lines } from "../lines.mjs";
import { quantile } from "../speed/figures.mjs";
import { Echo } from "../speed/loads.mjs";

const ROUNDS = Number(process.env.SOCKJS_ROUNDS ?? 15);
const SLICE_MS = 1_000;
const WARM_UP_MS = 2_000;
/** Number of connections, and of messages in flight on each. */
const LOADS = [[1, 64], [100, 8], [1000, 1]];
const SIZES = [32, 4096];
/** The load of `npm run bench` uses the service at this prefix. */
const PREFIX = "/echo";
const PROXY = "http-proxy";
const WAYS = {
  "gateway, framed": { server: "gateway", mode: "websocket" },
  "gateway, raw": { server: "gateway", mode: "raw websocket" },
  [PROXY]: { server: "proxy", mode: "raw websocket" },
};

async function startProgram(owner, name, ...args) {
  const file = fileURLToPath(new URL(name, import.meta.url));
  const child = spawnTied(nodeBinary, ["--no-deprecation", file, ...args], { stdio: ["pipe", "inherit"] });
  owner.after(() => killGroup(child));
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  return { url: line.replace("listening on ", ""), pid: child.pid };
}

async function startServers(owner) {
  const upstream = await startProgram(owner, "upstream.mjs");
  const vars = { SOCKJS_UPSTREAM: upstream.url.replace("http", "ws"), SOCKJS_PREFIX: PREFIX };
  return {
    gateway: await startServer(owner, { build: BUILD_DIR, config: workerConfig(), vars }),
    proxy: await startProgram(owner, "proxy.mjs", upstream.url),
  };
}

async function measure(servers, options) {
  const names = Object.keys(WAYS);
  const loads = {};
  const samples = Object.fromEntries(names.map((name) => [name, []]));
  try {
    for (const name of names) loads[name] = await Echo.open(servers[WAYS[name].server].url, { ...options, mode: WAYS[name].mode });
    for (const name of names) await loads[name].run(WARM_UP_MS);
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const name of rotated(names, round)) samples[name].push(await sample(servers[WAYS[name].server], loads[name]));
    }
    return samples;
  } finally {
    for (const load of Object.values(loads)) load.close();
  }
}

/** Measures echoes a second, and microseconds of the server's processor time for each. */
async function sample({ pid }, load) {
  const before = processorTime(pid);
  const { count, ms, total } = await load.run(SLICE_MS);
  return { rate: (1_000 * count) / ms, processor: (1_000 * (processorTime(pid) - before)) / total };
}

const rotated = (list, by) => [...list.slice(by % list.length), ...list.slice(0, by % list.length)];
const quartiles = (list) => ({ median: quantile(list, 0.5), low: quantile(list, 0.25), high: quantile(list, 0.75) });
const row = (...cells) => console.log(`| ${cells.join(" | ")} |`);

const ends = [];
try {
  const servers = await startServers({ after: (end) => ends.push(end) });
  const ways = Object.keys(WAYS).filter((name) => name !== PROXY);
  const rows = [];
  row("connections × in flight", "bytes", ...Object.keys(WAYS).map((name) => `${name}: echoes/s (µs of processor)`), ...ways.map((name) => `${name}, by ${PROXY}`));
  row(...Array(2 + Object.keys(WAYS).length + ways.length).fill("---"));
  for (const bytes of SIZES) {
    for (const [sessions, inFlight] of LOADS) {
      const samples = await measure(servers, { sessions, inFlight, bytes });
      const of = (kind) => Object.fromEntries(Object.entries(samples).map(([name, list]) => [name, quantile(list.map((each) => each[kind]), 0.5)]));
      const [rates, processor] = [of("rate"), of("processor")];
      const ratios = Object.fromEntries(ways.map((name) => [name, quartiles(samples[name].map(({ rate }, round) => rate / samples[PROXY][round].rate))]));
      rows.push({ sessions, inFlight, bytes, rates, processor, ratios });
      const cells = Object.keys(WAYS).map((name) => `${Math.round(rates[name]).toLocaleString("en")} (${processor[name].toFixed(0)})`);
      const compared = ways.map((name) => `${ratios[name].median.toFixed(2)} [${ratios[name].low.toFixed(2)}-${ratios[name].high.toFixed(2)}]`);
      row(`${sessions} × ${inFlight}`, bytes, ...cells, ...compared);
    }
  }
  const [, , json] = process.argv;
  if (json) writeFileSync(json, lines({ ways, other: PROXY, rows }));
} finally {
  for (const end of ends.reverse()) await end();
}
