// Measures the memory that a server needs. V8 collects its garbage when it likes, often only after a hundred MiB. Here it has
// to collect it all the time, so that only what the server really keeps is measured. V8 also compiles WebAssembly functions
// once more when they are called often, which takes up to 15 MiB for a moment. Here it compiles each of them once.

import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { workerdCapnp } from "../../scripts/workerd-capnp.mjs";
import { request } from "../harness/clients/http.mjs";
import { growthDuring as watchGrowth } from "../harness/machine/memory.mjs";
import { startServer } from "../harness/servers/server.mjs";

export const MIB = 1 << 20;

/** Returns a number of bytes for a reader. */
export const mib = (bytes) => `${(bytes / MIB).toFixed(1)} MiB`;

const ENTRY = fileURLToPath(new URL("collecting-entry.mjs", import.meta.url));
const V8_FLAGS = ["--expose-gc", "--no-wasm-dynamic-tiering"];
/** Configuration of `npm run serve`, with `gc` for the modules. */
const LAYOUT = {
  modules: [],
  sockets: ["http"],
  capnp: (facts) => workerdCapnp(facts).replace(/^const config .*\($/m, `$&\n  v8Flags = ${JSON.stringify(V8_FLAGS)},`),
};
/** Pauses between two collections, and between two readings of the memory. */
const COLLECT_MS = 250;
const LOOK_MS = 10;
/** A collection waits for whatever the isolate does. */
const COLLECTED_MS = 120_000;

/** Starts a server for `growthDuring`, with these variables; `options` are those of `startServer`. */
export function startMeasured(owner, vars, options = { entry: [ENTRY] }) {
  // It logs the sends that it refuses. A panic in the log still fails the test.
  return startServer(owner, { vars, layout: LAYOUT, log: () => {}, ...options });
}

/** As the harness's `growthDuring`, with a server that collects its garbage all the time. */
export async function growthDuring(server, body) {
  await collect(server);
  let isOver = false;
  const collecting = async () => {
    while (!isOver) {
      await collect(server);
      await sleep(COLLECT_MS);
    }
  };
  let collected;
  const run = () => Promise.race([body(), (collected = collecting())]);
  try {
    return await watchGrowth(server, run, LOOK_MS);
  } finally {
    isOver = true;
    await collected.catch(() => {}); // an error of it won the race, or comes of the one that did
  }
}

/** Returns the memory of a server that is at rest: the least that it has after some collections. */
export async function restingMemory(server, collections = 5) {
  let least = Infinity;
  for (let count = 0; count < collections; count += 1) {
    await collect(server);
    await sleep(COLLECT_MS);
    least = Math.min(least, server.memory());
  }
  return least;
}

async function collect(server) {
  const { status } = await request(`${server.url}/.collect`, { ms: COLLECTED_MS });
  if (status !== 200) throw new Error(`garbage was not collected: ${status}`);
}
