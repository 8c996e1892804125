// The Worker with a meter around it. It takes the place of the built module, which it imports, and exports the same. Worker
// and objects run in one isolate, so that the counters of both halves are the variables of one module.

import { WorkerEntrypoint } from "cloudflare:workers";
import { count, readCounters, resetCounters } from "./counters.mjs";
import * as built from "./index.js";
import { meteredClass } from "./metered-class.mjs";
import { watchGlobals } from "./metered-globals.mjs";

/** What no service's prefix leads to. GET reads the counters, DELETE sets them to zero. */
const COUNTERS_PATH = "/.counters";

/** A rate-limiting binding, which plain workerd does not have; of this name, since `worker` looks at the constructor. */
class Ratelimit {
  #success;

  constructor(success) {
    this.#success = success;
  }

  async limit() {
    return { success: this.#success };
  }
}

/** By the names that SOCKJS_ADDRESS_LIMITER may have. */
const LIMITERS = { REFUSING_LIMITER: new Ratelimit(false), ADMITTING_LIMITER: new Ratelimit(true) };

watchGlobals();

export const SockJs = meteredClass(built.SockJs);

export default class extends WorkerEntrypoint {
  fetch(request) {
    if (new URL(request.url).pathname === COUNTERS_PATH) {
      if (request.method === "DELETE") resetCounters();
      return Response.json(readCounters());
    }
    count("workerRequests");
    const env = this.env.SOCKJS_ADDRESS_LIMITER ? { ...this.env, ...LIMITERS } : this.env;
    return new built.default(this.ctx, env).fetch(request);
  }
}
