// How much memory a server takes for what a test does to it. V8 collects garbage when it likes, often only after a hundred
// MiB of it: here it is told to, all the time, so that what is left is what the server keeps.

import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { workerdCapnp } from "../../scripts/workerd-capnp.mjs";
import { request } from "../harness/http.mjs";
import { startServer } from "../harness/server.mjs";

export const MIB = 1 << 20;

/** For a message. */
export const mib = (bytes) => `${(bytes / MIB).toFixed(1)} MiB`;

const ENTRY = fileURLToPath(new URL("collecting-entry.mjs", import.meta.url));
/** As `npm run serve` has it, but that modules may collect garbage. */
const LAYOUT = {
  modules: [],
  sockets: ["http"],
  capnp: (facts) => workerdCapnp(facts).replace(/^const config .*\($/m, '$&\n  v8Flags = ["--expose-gc"],'),
};
/** Between two collections, and between two looks at the memory. */
const COLLECT_MS = 250;
const LOOK_MS = 10;
/** On a busy server one takes its turn. */
const COLLECTED_MS = 120_000;

/** As `startServer`, for `growthDuring`. */
export function startMeasured(owner, vars) {
  // What it logs of clients that it has to close is no concern here; that it does not panic is looked at all the same.
  return startServer(owner, { vars, entry: [ENTRY], layout: LAYOUT, log: () => {} });
}

/** What `body` gives, and how far the server's resident memory was at most above what it was before, in bytes. */
export async function growthDuring(server, body) {
  await collect(server);
  const before = server.memory();
  let peak = before;
  const look = () => (peak = Math.max(peak, server.memory()));
  const timer = setInterval(look, LOOK_MS);
  let isOver = false;
  const collecting = (async () => {
    while (!isOver) {
      await collect(server);
      await sleep(COLLECT_MS);
    }
  })();
  try {
    const result = await Promise.race([body(), collecting]);
    return { result, growth: look() - before };
  } finally {
    isOver = true;
    clearInterval(timer);
    await collecting;
  }
}

async function collect(server) {
  const { status } = await request(`${server.url}/.collect`, { ms: COLLECTED_MS });
  if (status !== 200) throw new Error(`garbage was not collected: ${status}`);
}
