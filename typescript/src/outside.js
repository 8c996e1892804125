// The package outside of a Worker, where its WebAssembly does not run: exports for the test of a handler, and errors for
// everything else.

import { SockJsError } from "./errors.js";

export { CallRejected, CloseError, GroupError, PushError, SendError, ShardsError, SockJsError, StaleError, StateError } from "./errors.js";

const outside = (name) => () => {
  throw new SockJsError("outside", `${name} works in a Worker only: test a service with sockjs-edge/testing, and the whole against wrangler`);
};

export const sockjs = outside("sockjs()");
export const createServer = outside("createServer()");
export const push = outside("push()");
export const handles = outside("handles()");
export const metrics = outside("metrics()");
export const worker = { fetch: outside("worker.fetch()") };
export class SockJs {
  constructor() {
    outside("SockJs")();
  }
}
export default Object.assign(outside("sockjs()"), { createServer });
