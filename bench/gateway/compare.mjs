// The table of `npm run bench:gateway`. The gateway and the proxy have the same upstream, and are driven in turn in short slices.

import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { killGroup, spawnTied } from "../../scripts/run.mjs";
import { BUILD_DIR, nodeBinary } from "../../scripts/tools.mjs";
import { workerConfig } from "../../scripts/worker-config.mjs";
import { processorTime } from "../../tests/harness/machine/processes.mjs";
import { startServer } from "../../tests/harness/servers/server.mjs";
import { quantile } from "../speed/figures.mjs";
import { Echo } from "../speed/loads.mjs";

const ROUNDS = Number(process.env.SOCKJS_ROUNDS ?? 15);
const SLICE_MS = 1_000;
const WARM_UP_MS = 2_000;
/** Connections, and messages that each has in flight. */
const LOADS = [[1, 64], [100, 8], [1000, 1]];
const SIZES = [32, 4096];
/** The load of `npm run bench` expects the service there. */
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

/** Echoes a second, and microseconds of the server's processor for each. */
async function sample({ pid }, load) {
  const before = processorTime(pid);
  const { count, ms, total } = await load.run(SLICE_MS);
  return { rate: (1_000 * count) / ms, processor: (1_000 * (processorTime(pid) - before)) / total };
}

const rotated = (list, by) => [...list.slice(by % list.length), ...list.slice(0, by % list.length)];
const median = (numbers) => quantile(numbers, 0.5);
const row = (...cells) => console.log(`| ${cells.join(" | ")} |`);

const ends = [];
try {
  const servers = await startServers({ after: (end) => ends.push(end) });
  const others = Object.keys(WAYS).filter((name) => name !== PROXY);
  const ratios = others.map((name) => `${name}, by ${PROXY}`);
  row("connections × in flight", "bytes", ...Object.keys(WAYS).map((name) => `${name}: echoes/s (µs of processor)`), ...ratios);
  row(...Array(2 + Object.keys(WAYS).length + others.length).fill("---"));
  for (const bytes of SIZES) {
    for (const [sessions, inFlight] of LOADS) {
      const samples = await measure(servers, { sessions, inFlight, bytes });
      const cells = Object.values(samples).map((list) => {
        const processor = median(list.map(({ processor }) => processor));
        return `${Math.round(median(list.map(({ rate }) => rate))).toLocaleString("en")} (${processor.toFixed(0)})`;
      });
      const compared = others.map((name) => {
        const list = samples[name].map(({ rate }, round) => rate / samples[PROXY][round].rate);
        return `${median(list).toFixed(2)} [${quantile(list, 0.25).toFixed(2)}-${quantile(list, 0.75).toFixed(2)}]`;
      });
      row(`${sessions} × ${inFlight}`, bytes, ...cells, ...compared);
    }
  }
} finally {
  for (const end of ends.reverse()) await end();
}
