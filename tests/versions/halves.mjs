// A server whose Worker and objects are of builds that change while it runs.

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { RIGS_DIR } from "../../scripts/tools.mjs";
import { configCapnp, text, workerCapnp } from "../../scripts/workerd-capnp.mjs";
import { request } from "../harness/clients/http.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { PREVIOUS_RIGS } from "./previous.mjs";

const ENTRY = fileURLToPath(new URL("entry.mjs", import.meta.url));
const BUILDS = { current: RIGS_DIR, previous: PREVIOUS_RIGS };
const FILES = ["index.js", "index_bg.wasm"];

/**
 * Starts it, with the builds "current" and "previous".
 *
 * @param owner what the server ends with
 * @param {object} options
 * @param {string} options.worker build of the Worker
 * @param {string} options.object build of the objects; also "foreign", which speaks no version that the others do
 * @param {object} [options.vars] variables that both builds know
 * @param {object} [options.own] variables that only one knows, by its name
 */
export async function startHalves(owner, { worker, object, vars, own = {} }) {
  const log = []; // what an object says that is restarted is no news
  const layout = layoutOf({ worker, object }, own);
  return new Halves(await startServer(owner, { vars, layout, worker: [ENTRY], hasPrevious: true, log: (line) => log.push(line) }), log);
}

function layoutOf(deployed, own) {
  const modules = Object.keys(BUILDS).flatMap((build) => FILES.map((file) => ({ build, file, as: `${build}-${file}` })));
  return {
    modules: modules.map(({ build, file, as }) => ({ file: `${BUILDS[build]}/${file}`, as })),
    sockets: ["http", "control"],
    capnp({ address, objects, ...facts }) {
      const named = modules.map(({ build, file, as }) => ({ name: `${build}/${file}`, file: as }));
      // The previous build refuses variables that it does not know.
      const { SOCKJS_DEMO, SOCKJS_STALL_TIMEOUT, ...common } = facts.vars;
      const owned = { ...own, current: { SOCKJS_DEMO, SOCKJS_STALL_TIMEOUT, ...own.current } };
      const vars = { ...common, DEPLOYED: JSON.stringify(deployed), OWN_VARS: JSON.stringify(owned) };
      const worker = workerCapnp({ ...facts, vars, modules: [...facts.modules, ...named] });
      const http = { name: "http", address, service: text("worker") };
      const control = { name: "control", address: "127.0.0.1:0", service: `(name = "worker", entrypoint = "control")` };
      return configCapnp({ workers: { worker }, sockets: [http, control], objects });
    },
  };
}

class Halves {
  #server;
  /** Lines that the server printed. */
  log;

  constructor(server, log) {
    this.#server = server;
    this.log = log;
  }

  get url() {
    return this.#server.url;
  }

  /** The directory of the objects' storage, for `readEachObject`. */
  get objects() {
    return this.#server.objects;
  }

  /** Has another build take the place of the Worker, of the objects, or of both. Requests that the Worker has go on. */
  deploy(halves) {
    return this.#control("deploy", halves);
  }

  /** Returns the number of times that objects were created, in all: once more after each eviction. */
  made() {
    return this.#control("made", {});
  }

  /** The requests of clients and to objects since the last time. */
  traffic() {
    return this.#control("traffic", {});
  }

  async #control(what, order) {
    const url = `http://127.0.0.1:${this.#server.ports.control}/${what}`;
    const { status, body } = await request(url, { method: "POST", body: JSON.stringify(order) });
    assert.equal(status, 200, body);
    return JSON.parse(body);
  }
}
