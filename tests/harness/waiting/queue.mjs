// Received items, in order, for a test to take one by one.

import { within } from "./wait.mjs";

export class Queue {
  #items = [];
  #end;
  #wake = () => {};

  push(item) {
    this.#items.push(item);
    this.#wake();
  }

  /** Marks the end: a test that waits for more gets this error. */
  end(error) {
    this.#end ??= error;
    this.#wake();
  }

  get length() {
    return this.#items.length;
  }

  /** Returns the oldest item that was not taken; waits for it. */
  async next(what = "the next message", ms) {
    if (this.#items.length === 0 && !this.#end) {
      await within(new Promise((resolve) => (this.#wake = resolve)), what, ms);
    }
    if (this.#items.length === 0) throw new Error(`instead of ${what}: ${this.#end.message}`, { cause: this.#end });
    return this.#items.shift();
  }
}
