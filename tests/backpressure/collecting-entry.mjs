// Adds a path to the Worker at which its isolate collects its garbage. It replaces the main module, which it imports.

import { WorkerEntrypoint } from "cloudflare:workers";
import Worker from "./index.js";

export * from "./index.js";

/** No service has this prefix. */
const COLLECT = "/.collect";

export default class extends WorkerEntrypoint {
  fetch(request) {
    if (new URL(request.url).pathname !== COLLECT) return new Worker(this.ctx, this.env).fetch(request);
    globalThis.gc();
    return new Response();
  }
}
