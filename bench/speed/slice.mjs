// A period in which an operation is repeated.

import { within } from "../../tests/harness/waiting/wait.mjs";

/** An idle machine needs a thousandth of this time. */
const LOST_AFTER_MS = 30_000;

export class Slice {
  #started = performance.now();
  #isOver = false;
  #atLeast;
  #underWay = 0;
  #done = 0;
  #counted;
  #drained = Promise.withResolvers();
  #lostAfterMs;

  /** The slice lasts for `ms`, and at least until `atLeast` operations are done. */
  constructor({ ms, atLeast, lostAfterMs = LOST_AFTER_MS }) {
    this.#atLeast = atLeast;
    this.#lostAfterMs = lostAfterMs;
    setTimeout(() => {
      this.#isOver = true;
      this.#look();
    }, ms);
  }

  /** Notes that another operation has begun. */
  begin() {
    this.#underWay += 1;
  }

  /** Notes that an operation is done. Returns true if another one should follow. */
  finish() {
    this.#underWay -= 1;
    this.#done += 1;
    if (this.#isOver) this.#look();
    return this.#counted === undefined;
  }

  /**
   * Returns the number of operations and their time in milliseconds, and the total including those that were in flight at the
   * end.
   *
   *  @param {Promise<never>} failure rejects when something goes wrong
   */
  async result(failure) {
    await within(Promise.race([this.#drained.promise, failure]), "what was under way and got lost", this.#lostAfterMs);
    return { ...this.#counted, total: this.#done };
  }

  #look() {
    if (this.#done >= this.#atLeast) this.#counted ??= { count: this.#done, ms: performance.now() - this.#started };
    if (this.#counted && this.#underWay === 0) this.#drained.resolve();
  }
}
