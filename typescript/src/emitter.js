// An EventEmitter with those methods of Node's that streams and applications written for sockjs-node call. Node's own needs a
// compatibility flag.

export class Emitter {
  #listeners = new Map();

  on(event, listener) {
    if (typeof listener !== "function") throw new TypeError(`expected a function as listener, got ${listener === null ? "null" : typeof listener}`);
    const listeners = this.#listeners.get(event);
    // A new list, so that a running iteration is not affected.
    this.#listeners.set(event, [...(listeners ?? []), listener]);
    return this;
  }

  addListener(event, listener) {
    return this.on(event, listener);
  }

  prependListener(event, listener) {
    this.on(event, listener);
    const listeners = this.#listeners.get(event);
    this.#listeners.set(event, [listener, ...listeners.slice(0, -1)]);
    return this;
  }

  once(event, listener) {
    const once = (...given) => {
      this.off(event, once);
      return listener.apply(this, given);
    };
    once.listener = listener;
    return this.on(event, once);
  }

  off(event, listener) {
    const listeners = this.#listeners.get(event) ?? [];
    const at = listeners.findLastIndex((known) => known === listener || known.listener === listener);
    if (at < 0) return this;
    if (listeners.length === 1) this.#listeners.delete(event);
    else this.#listeners.set(event, listeners.toSpliced(at, 1));
    return this;
  }

  removeListener(event, listener) {
    return this.off(event, listener);
  }

  removeAllListeners(event) {
    if (event === undefined) this.#listeners.clear();
    else this.#listeners.delete(event);
    return this;
  }

  /** Calls the listeners. As in Node, an "error" without a listener is thrown. */
  emit(event, ...given) {
    const listeners = this.#listeners.get(event);
    if (listeners === undefined) {
      if (event === "error") throw given[0] instanceof Error ? given[0] : new Error(`error: ${String(given[0])}`);
      return false;
    }
    for (const listener of listeners) {
      const result = listener.apply(this, given);
      // Node ignores a promise that is rejected.
      if (typeof result?.then === "function") result.then(undefined, (error) => this.failed_(error, given));
    }
    return true;
  }

  /** Only for the package: handles the rejection of a promise that a listener returned. */
  failed_(error) {
    console.error(error);
  }

  listeners(event) {
    return (this.#listeners.get(event) ?? []).map((listener) => listener.listener ?? listener);
  }

  listenerCount(event) {
    return this.#listeners.get(event)?.length ?? 0;
  }

  eventNames() {
    return [...this.#listeners.keys()];
  }

  setMaxListeners() {
    return this;
  }
}
