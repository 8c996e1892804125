// What a server prints. It prints nothing as long as all is well.

import assert from "node:assert/strict";

export class WorkerLog {
  #text = "";

  add(text) {
    this.#text += text;
    process.stderr.write(text);
  }

  /** No test may pass while the Worker panics: that resets every connection, and some tests would not notice. */
  check() {
    assert.doesNotMatch(this.#text, /panicked at/, "the Worker panicked");
  }
}
