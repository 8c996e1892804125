// A Worker with a main module of this folder around it, and a socket to that module's entry point "control".

import { fileURLToPath } from "node:url";
import { configCapnp, text, workerCapnp } from "../../scripts/workerd-capnp.mjs";

export function entryLayout(main) {
  const files = [main, "hex.mjs", "../harness/servers/changed.mjs"].map((name) => fileURLToPath(new URL(name, import.meta.url)));
  return {
    modules: files,
    sockets: ["http", "control"],
    capnp({ address, objects, ...facts }) {
      const worker = workerCapnp({ ...facts, main, modules: [...facts.modules, "hex.mjs", "changed.mjs"] });
      const http = { name: "http", address, service: text("worker") };
      const control = { name: "control", address: "127.0.0.1:0", service: `(name = "worker", entrypoint = "control")` };
      return configCapnp({ workers: { worker }, sockets: [http, control], objects });
    },
  };
}
