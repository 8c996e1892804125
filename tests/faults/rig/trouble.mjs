// A server whose service /trouble gets into trouble as ordered and logs what it does and is told, and whose objects can be
// broken from outside.

import assert from "node:assert/strict";
import { join } from "node:path";
import { describe } from "node:test";
import { ROOT } from "../../../scripts/tools.mjs";
import { request } from "../../harness/clients/http.mjs";
import { startServer } from "../../harness/servers/server.mjs";
import { TOGETHER } from "./layout.mjs";
import { Told } from "../../harness/messages/told.mjs";

/** The levels of durability by name, with the variables for each. */
export const LEVELS = { default: {}, outbox: { SOCKJS_DURABILITY: "outbox" } };

/** Tests of both levels, all at once: for those that spend most of their time waiting. */
export function describeLevels(tests) {
  describe("at both levels", { concurrency: true }, () => {
    for (const [level, vars] of Object.entries(LEVELS)) {
      describe(level, { concurrency: true }, () => tests(level, vars));
    }
  });
}

/** No heartbeat and no end of a session but where a test is about them. */
export const QUIET = { SOCKJS_HEARTBEAT_DELAY: "34000" };

/** The application in trouble: the one in Rust, or with SOCKJS_TROUBLE=typescript the same one in TypeScript. */
const APPLICATIONS = {
  rust: async () => ({}),
  async typescript() {
    const { bundled } = await import("../../harness/servers/bundled.mjs");
    const { build } = await bundled(join(ROOT, "tests/typescript/trouble.ts"), { name: "trouble" });
    return { build };
  },
};

/** Starts it in plain workerd. `layout` says whether the objects have an isolate of their own. */
export async function startTrouble(owner, { vars = {}, layout = TOGETHER } = {}) {
  const told = new Told();
  const application = await APPLICATIONS[process.env.SOCKJS_TROUBLE ?? "rust"]();
  const options = { ...application, vars: { ...QUIET, ...vars }, layout, log: (text) => told.add(text) };
  return new Trouble(await startServer(owner, options), told);
}

class Trouble {
  constructor(server, told) {
    this.server = server;
    this.told = told;
  }

  get service() {
    return `${this.server.url}/trouble`;
  }

  /**
   * Breaks the object of that name: its memory and its sockets are lost, and requests under way fail. Resolves to what was on its
   * way on the inner WebSockets of held clients, if the objects have no isolate of their own: messages `unhandled` and frames
   * `unacknowledged`. With `seekMs` it waits until there are both, for that time at most.
   */
  restart(object, { seekMs = 0 } = {}) {
    return this.#control("restart", { object, seekMs });
  }

  /** From now on, statements of the object's storage fail that match `pattern`; with none, none do. */
  refuse(object, pattern = null) {
    return this.#control("refuse", { object, pattern });
  }

  /** Returns the number of statements that have failed so far. */
  refused(object) {
    return this.#control("refused", { object });
  }

  /** The next requests for this action, such as "attach" or "send", reach the object and are never answered. */
  ignore(object, action, times) {
    return this.#control("ignore", { object, action, times });
  }

  /** The next answers for this action are lost on their way to the Worker. */
  withhold(object, action, times) {
    return this.#control("withhold", { object, action, times });
  }

  /**
   * The next answer for this action is lost on its way to the Worker, which is told to try again; `restart` says whether
   * the object is restarted in between.
   */
  mislay(object, action, { restart }) {
    return this.#control("mislay", { object, action, restart });
  }

  /** Requests to the object fail, or work again. */
  away(object, isAway) {
    return this.#control("away", { object, isAway });
  }

  /** From now on, inner sockets of the object can be cut. */
  relay(object) {
    return this.#control("relay", { object });
  }

  /** Cuts the inner sockets of the object, which lives on. What is on its way on them is lost. */
  cut(object) {
    return this.#control("cut", { object });
  }

  /** Collects the garbage of the isolate, where the layout is `COLLECTED`. */
  collect() {
    return this.#control("collect", {});
  }

  async #control(what, order) {
    const url = `http://127.0.0.1:${this.server.ports.control}/${what}`;
    const { status, body } = await request(url, { method: "POST", body: JSON.stringify(order) });
    assert.equal(status, 200, body);
    return JSON.parse(body);
  }

  /** kill -9 of everything, and a new one on the same storage and port. */
  async crash() {
    await this.server.kill();
    await this.server.start();
  }
}
