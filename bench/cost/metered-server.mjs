// The built Worker in plain workerd with the meter around it.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startServer } from "../../tests/harness/servers/server.mjs";
import { until } from "../../tests/harness/waiting/wait.mjs";

const DIRECTORY = fileURLToPath(new URL("meter/", import.meta.url));
const ENTRY = "meter-entry.mjs";
const METER = [ENTRY, ...readdirSync(DIRECTORY).filter((name) => name !== ENTRY)].map((name) => join(DIRECTORY, name));

/** The defaults of a deployment; the tests' server has another value. */
const DEFAULT_VARS = { SOCKJS_DISCONNECT_DELAY: "5000" };

/** Silence after which an action has no further effects: a stream acknowledges a frame after 1 s. */
const QUIET_MS = 1500;

/** Like `startServer`, but without the log, since the scenarios cause no interesting lines. */
export async function startMeteredServer(owner, { vars = {} } = {}) {
  const server = await startServer(owner, { vars: { ...DEFAULT_VARS, ...vars }, entry: METER, log: () => {} });
  return new MeteredServer(server);
}

class MeteredServer {
  #counters;

  constructor({ url, pid }) {
    this.url = url;
    this.pid = pid;
    this.#counters = `${url}/.counters`;
  }

  /**
   * Returns `{ counters, pending, storedBytes }`: the counters since the last reset, and the present amount of work and storage.
   */
  read() {
    return this.#ask("GET");
  }

  /** Returns the counters since the last reset: see meter/counters.mjs. */
  async counters() {
    return (await this.read()).counters;
  }

  reset() {
    return this.#ask("DELETE");
  }

  /** Returns the counters, once nothing is pending and nothing has been counted for a while. */
  async settled() {
    let last;
    let since;
    return until(async () => {
      const { counters, pending } = await this.read();
      const now = JSON.stringify({ ...counters, residentMs: 0 }); // residentMs grows while the objects are idle
      if (now !== last) since = performance.now();
      last = now;
      return pending === 0 && performance.now() - since >= QUIET_MS && counters;
    }, "the objects to be quiet");
  }

  async #ask(method) {
    const response = await fetch(this.#counters, { method });
    return response.json();
  }
}
