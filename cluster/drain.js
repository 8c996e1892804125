// The drain of a node: before it stops, each client that its Worker holds is let go, and goes on at another node. The Worker finds
// this by `globalThis.sockjsEdgeNode`; without it, as on Cloudflare, it waits for no drain, and watches no links.

import { watch } from "./links.js";

/** Time for which a node that is being drained still serves a client that comes: a client that is let go asks again at once. */
const STILL_SERVED_MS = 1_000;

let isDraining = false;
/** What lets go of each client that is held. */
const held = new Set();

globalThis.sockjsEdgeNode = {
  watch,
  /**
   * Has a client let go when the node is drained. `letGo` is called in the request that holds the client: no request may do I/O for
   * another one, but it may resolve a promise of another one (compatibility flag `handle_cross_request_promise_resolution`, the
   * default since 2024-10-14). Gives the function that takes the client back out, when it left by itself.
   */
  hold(letGo) {
    const { promise, resolve } = Promise.withResolvers();
    promise.then(letGo);
    if (isDraining) setTimeout(resolve, STILL_SERVED_MS);
    else held.add(resolve);
    return () => void held.delete(resolve);
  },
};

/** True from the first drain on. */
export const isBeingDrained = () => isDraining;

/** Lets go of all clients. Returns how many there were. */
export function drain() {
  isDraining = true;
  const letGo = [...held];
  held.clear();
  for (const resolve of letGo) resolve();
  return letGo.length;
}
