// The output of a server. Without problems it is empty, except for lines of a service to its test.

import assert from "node:assert/strict";

export class WorkerLog {
  #text = "";
  #show;
  #hasPrevious;

  /**
   * @param {(text: string) => void} [show] receives all output; by default it is written to stderr
   * @param {object} [options]
   * @param {boolean} [options.hasPrevious] true if some output is from the previous build, whose defects are known
   */
  constructor(show = (text) => process.stderr.write(text), { hasPrevious = false } = {}) {
    this.#show = show;
    this.#hasPrevious = hasPrevious;
  }

  add(text) {
    this.#text += text;
    this.#show(text);
  }

  /** True if the output has this text. */
  has(text) {
    return this.#text.includes(text);
  }

  /** Returns the last lines of the output. */
  last(count) {
    return this.#text.trimEnd().split("\n").slice(-count);
  }

  /**
   * Checks the output. No test may pass while the Worker panics: that resets every connection, and some tests would not notice.
   * But the service at /trouble panics on request. A panic of workerd itself names its thread; its process ends, which tests notice.
   */
  check() {
    assert.doesNotMatch(this.#text, /(?<!thread '\w+' \(\d+\) )panicked at (?!tests\/rigs\/src\/trouble\.rs)/, "the Worker panicked");
    if (this.#hasPrevious) return;
    // wasm-bindgen reports a number that JavaScript cannot represent.
    assert.doesNotMatch(this.#text, /outside the JavaScript safe-integer range/, "a number was cut");
  }
}
