// The Worker, with a path at which its isolate collects its garbage. It takes the place of the built module, which it imports,
// and exports the same.

import { WorkerEntrypoint } from "cloudflare:workers";
import Worker from "./index.js";

export * from "./index.js";

/** What no service's prefix leads to. */
const COLLECT = "/.collect";

export default class extends WorkerEntrypoint {
  fetch(request) {
    if (new URL(request.url).pathname !== COLLECT) return new Worker(this.ctx, this.env).fetch(request);
    globalThis.gc();
    return new Response();
  }
}
