// The layout of the Worker and its objects in isolates, with a main module that can break the objects.

import { fileURLToPath } from "node:url";
import { configCapnp, text, workerCapnp } from "../../../scripts/workerd-capnp.mjs";

const ENTRY = fileURLToPath(new URL("entry.mjs", import.meta.url));
const TAP = fileURLToPath(new URL("tap.mjs", import.meta.url));
const CHANGED = fileURLToPath(new URL("../../harness/servers/changed.mjs", import.meta.url));
const MAIN = "entry.mjs";
const V8_FLAGS = ["--expose-gc", "--max-semi-space-size=1"];

/** In one isolate, as workerd and wrangler have it by themselves. */
export const TOGETHER = layout({ worker: {} });

/** The same, with garbage that is collected upon the order `collect`, and with little memory for what V8 has not collected yet. */
export const COLLECTED = {
  ...TOGETHER,
  capnp: (facts) => TOGETHER.capnp(facts).replace(/^const config .*\($/m, `$&\n  v8Flags = ${JSON.stringify(V8_FLAGS)},`),
};

/** The objects in an isolate of their own, as in a deployment, where they often are on another machine. */
export const APART = layout({ worker: { holder: "holder" }, "holder": {} });

/** `workers` has the settings of each Worker by its name; the last one holds the objects. */
function layout(workers) {
  const holder = Object.keys(workers).at(-1);
  return {
    modules: [ENTRY, TAP, CHANGED],
    sockets: ["http", "control"],
    capnp({ address, objects, ...facts }) {
      const shared = { ...facts, main: MAIN, modules: [...facts.modules, "tap.mjs", "changed.mjs"] };
      const each = Object.entries(workers).map(([name, own]) => [name, workerCapnp({ ...shared, ...own })]);
      const http = { name: "http", address, service: text("worker") };
      const entrypoint = `(name = ${text(holder)}, entrypoint = "control")`;
      const control = { name: "control", address: "127.0.0.1:0", service: entrypoint };
      return configCapnp({ workers: Object.fromEntries(each), sockets: [http, control], objects });
    },
  };
}
