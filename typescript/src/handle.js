// A handle of the WebAssembly, while it may be used.

import { CloseError, StaleError } from "./errors.js";

/** Returns the number of the WebAssembly instance. A crash replaces the instance, and with it everything that it knew. */
const instance = () => globalThis.__worker_init_state?.instanceId;

export class Handle {
  #handle;
  #instance = instance();
  #life;
  #what;

  /** @param {{ isOver?: boolean }} life of the instance of the object @param {string} what the kind of thing it refers to, for the error */
  constructor(handle, life, what) {
    this.#handle = handle;
    this.#life = life;
    this.#what = what;
  }

  /** Returns the handle, or throws if it is stale. */
  get() {
    if (this.isUsable) return this.#handle;
    throw new StaleError("stale", `this ${this.#what} is of an instance of the object that is gone: take the one that the handler is given`);
  }

  /** True if it may be used. */
  get isUsable() {
    return this.#handle !== undefined && this.#life.isOver !== true && this.#instance === instance();
  }

  /** Frees the handle's memory. */
  free() {
    if (this.#handle !== undefined && this.#instance === instance()) this.#handle.free();
    this.#handle = undefined;
  }
}

const REASON_MAX = 123;

/** Throws if a close code or its reason is not allowed. */
export function checkClose(code, reason) {
  checkText("the reason of close", reason);
  if (code !== 1000 && !(Number.isInteger(code) && code >= 3000 && code <= 4999)) throw new CloseError("close", `close code ${String(code)} is neither 1000 nor 3000-4999`);
  if (new TextEncoder().encode(reason).length > REASON_MAX) throw new CloseError("close", `close reason is longer than ${REASON_MAX} bytes`);
}

/** Freezes a parsed JSON value, so that code that changes a part of it fails: such a change would not be stored. */
export function frozen(value) {
  if (value !== null && typeof value === "object") {
    Object.freeze(value);
    Object.values(value).forEach(frozen);
  }
  return value;
}

/** Throws if a value is not a string: SockJS carries nothing else. */
export function checkText(what, value) {
  if (typeof value !== "string") throw new TypeError(`${what} takes a string, and not ${value === null ? "null" : `a value of type ${typeof value}`}: use JSON.stringify`);
}
