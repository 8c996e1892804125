// The drain of a node: before the node stops, it releases each client that its Worker holds, and the client moves to another
// node. The Worker finds this module as `globalThis.sockjsEdgeNode`; without it, as on Cloudflare, it waits for no drain and
// watches no links.

import { watch } from "./links.js";

/** Time for which a draining node still serves new requests: a client that is released reconnects at once. */
const STILL_SERVED_MS = 1_000;

let isDraining = false;
/** The functions that release the held clients. */
const held = new Set();

globalThis.sockjsEdgeNode = {
  watch,
  /**
   * Registers a client to be released when the node is drained. `letGo` is called in the request that holds the client: a request
   * must not do I/O for another one, but it may resolve a promise of another one (compatibility flag
   * `handle_cross_request_promise_resolution`, the default since 2024-10-14). Returns the function that removes a client that
   * left by itself.
   */
  hold(letGo) {
    const { promise, resolve } = Promise.withResolvers();
    promise.then(letGo);
    if (isDraining) setTimeout(resolve, STILL_SERVED_MS);
    else held.add(resolve);
    return () => void held.delete(resolve);
  },
};

/** Returns true from the first drain on. */
export const isBeingDrained = () => isDraining;

/** Releases all clients. Returns their number. */
export function drain() {
  isDraining = true;
  const letGo = [...held];
  held.clear();
  for (const resolve of letGo) resolve();
  return letGo.length;
}
