// The servers that are compared: this one and the floor in plain workerd, and sockjs-node on the same Node. Each is `{ url, pid
// }`, serves /echo, /disabled_websocket_echo and /broadcast, and ends with its owner.

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BUILD_DIR, ROOT } from "../../scripts/tools.mjs";
import { workerConfig } from "../../scripts/worker-config.mjs";
import { bundled } from "../../tests/harness/servers/bundled.mjs";
import { startReference } from "../../tests/harness/servers/reference.mjs";
import { startServer } from "../../tests/harness/servers/server.mjs";

const DUTIES = fileURLToPath(new URL("duties/duties.mjs", import.meta.url));
const FLOOR = fileURLToPath(new URL("floor/floor.mjs", import.meta.url));

/** The directory of an older build of this server to compare with, if there is one: `npm run bench -- --before DIR`. */
const { BENCH_BEFORE } = process.env;
/** Set to measure WebSockets that the Worker holds: `npm run bench -- --held`. */
const { BENCH_HELD } = process.env;

/** Set to measure the same services in TypeScript: `npm run bench -- --typescript`. */
const { BENCH_TYPESCRIPT } = process.env;

/** This server is the first; the others are for comparison. */
export const SERVERS = {
  "sockjs-edge": (owner) => startBuild(owner, BUILD_DIR),
  ...(BENCH_BEFORE && { before: (owner) => startBuild(owner, BENCH_BEFORE) }),
  ...(BENCH_HELD && { held: (owner) => startBuild(owner, BUILD_DIR, { SOCKJS_WEBSOCKET_HOLDER: "worker" }) }),
  ...(BENCH_TYPESCRIPT && { typescript: startTypescript }),
  duties: (owner) => startModule(owner, DUTIES, { binding: "DUTIES", className: "Duties" }),
  floor: (owner) => startFloor(owner),
  "sockjs-node": startReference,
};

export const [OURS, ...OTHERS] = Object.keys(SERVERS);

/** Sets only the variables that are needed: an older build refuses unknown ones. */
function startBuild(owner, build, more = {}) {
  const vars = { ...more, SOCKJS_TEST_SERVICES: "true", SOCKJS_DISCONNECT_DELAY: "5000" };
  return startServer(owner, { build, config: { ...workerConfig(), vars } });
}

async function startTypescript(owner) {
  const { build, config } = await bundled(join(ROOT, "tests/typescript/services.ts"), { name: "services" });
  return startServer(owner, { build, config });
}

export function startFloor(owner, options) {
  return startModule(owner, FLOOR, { binding: "FLOOR", className: "Floor" }, options);
}

function startModule(owner, file, object, options) {
  const config = { ...workerConfig(), name: object.className.toLowerCase(), vars: {}, durableObjects: [object] };
  return startServer(owner, { worker: [file], config, ...options });
}

/** Runs `body(server)` with a server of its own. */
export async function withServer(name, body) {
  const endings = [];
  const owner = { after: (end) => endings.push(end) };
  try {
    return await body(await SERVERS[name](owner));
  } finally {
    for (const end of endings.reverse()) await end();
  }
}

/** Runs `body(servers)` with one of each, by name. */
export async function withServers(body, names = Object.keys(SERVERS), started = {}) {
  const [name, ...others] = names;
  if (name === undefined) return body(started);
  return withServer(name, (server) => withServers(body, others, { ...started, [name]: server }));
}
