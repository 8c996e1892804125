// The output of a server. It prints nothing as long as all is well, but for what a service says to its test.

import assert from "node:assert/strict";

export class WorkerLog {
  #text = "";
  #show;

  /** @param {(text: string) => void} [show] gets everything as it comes; by default it goes to stderr */
  constructor(show = (text) => process.stderr.write(text)) {
    this.#show = show;
  }

  add(text) {
    this.#text += text;
    this.#show(text);
  }

  /**
   * No test may pass while the Worker panics: that resets every connection, and some tests would not notice. But the
   * service at /trouble panics when it is told to.
   */
  check(hasPrevious = false) {
    assert.doesNotMatch(this.#text, /panicked at (?!tests\/rigs\/src\/trouble\.rs)/, "the Worker panicked");
    if (hasPrevious) return;
    // Of a number that JavaScript cannot hold, wasm-bindgen says so.
    assert.doesNotMatch(this.#text, /outside the JavaScript safe-integer range/, "a number was cut");
  }
}
