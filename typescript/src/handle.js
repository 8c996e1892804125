// A handle of the WebAssembly, as long as it may be used.

import { CloseError, StaleError } from "./errors.js";

/** Number of the instance of the WebAssembly: it is replaced after a crash, and with it everything that it knew. */
const instance = () => globalThis.__worker_init_state?.instanceId;

export class Handle {
  #handle;
  #instance = instance();
  #life;
  #what;

  /** @param {{ isOver?: boolean }} life of the instance of the object @param {string} what what it is of, for the error */
  constructor(handle, life, what) {
    this.#handle = handle;
    this.#life = life;
    this.#what = what;
  }

  /** The handle. */
  get() {
    if (this.isUsable) return this.#handle;
    throw new StaleError("stale", `this ${this.#what} is of an instance of the object that is gone: take the one that the handler is given`);
  }

  /** True if it may be used. */
  get isUsable() {
    return this.#handle !== undefined && this.#life.isOver !== true && this.#instance === instance();
  }

  /** Gives its memory back. */
  free() {
    if (this.#handle !== undefined && this.#instance === instance()) this.#handle.free();
    this.#handle = undefined;
  }
}

const REASON_MAX = 123;

/** Checks a close code and its reason. */
export function checkClose(code, reason) {
  checkText("the reason of close", reason);
  if (code !== 1000 && !(Number.isInteger(code) && code >= 3000 && code <= 4999)) throw new CloseError("close", `close code ${String(code)} is neither 1000 nor 3000-4999`);
  if (new TextEncoder().encode(reason).length > REASON_MAX) throw new CloseError("close", `close reason is longer than ${REASON_MAX} bytes`);
}

/** Freezes what JSON held: whoever changes a part of it learns that nothing is stored. */
export function frozen(value) {
  if (value !== null && typeof value === "object") {
    Object.freeze(value);
    Object.values(value).forEach(frozen);
  }
  return value;
}

/** Checks that something is a string, which is all that SockJS carries. */
export function checkText(what, value) {
  if (typeof value !== "string") throw new TypeError(`${what} takes a string, and not ${value === null ? "null" : `a value of type ${typeof value}`}: use JSON.stringify`);
}
