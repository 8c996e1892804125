// The output of a server. It prints nothing as long as all is well, but for what a service says to its test.

import assert from "node:assert/strict";

export class WorkerLog {
  #text = "";
  #show;
  #hasPrevious;

  /**
   * @param {(text: string) => void} [show] gets everything as it comes; by default it goes to stderr
   * @param {object} [options]
   * @param {boolean} [options.hasPrevious] true if some of it is from the previous build, whose defects are known
   */
  constructor(show = (text) => process.stderr.write(text), { hasPrevious = false } = {}) {
    this.#show = show;
    this.#hasPrevious = hasPrevious;
  }

  add(text) {
    this.#text += text;
    this.#show(text);
  }

  /**
   * No test may pass while the Worker panics: that resets every connection, and some tests would not notice. But the
   * service at /trouble panics when it is told to.
   */
  check() {
    assert.doesNotMatch(this.#text, /panicked at (?!tests\/rigs\/src\/trouble\.rs)/, "the Worker panicked");
    if (this.#hasPrevious) return;
    // Of a number that JavaScript cannot hold, wasm-bindgen says so.
    assert.doesNotMatch(this.#text, /outside the JavaScript safe-integer range/, "a number was cut");
  }
}
