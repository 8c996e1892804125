// A piece of time in which something is done again and again.

import { within } from "../../tests/harness/waiting/wait.mjs";

/** An idle machine needs a thousandth of it. */
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

  /** It lasts for so many milliseconds, and at least until so much is done. */
  constructor({ ms, atLeast, lostAfterMs = LOST_AFTER_MS }) {
    this.#atLeast = atLeast;
    this.#lostAfterMs = lostAfterMs;
    setTimeout(() => {
      this.#isOver = true;
      this.#look();
    }, ms);
  }

  /** One more is under way. */
  begin() {
    this.#underWay += 1;
  }

  /** One is done; whether another is to follow. */
  finish() {
    this.#underWay -= 1;
    this.#done += 1;
    if (this.#isOver) this.#look();
    return this.#counted === undefined;
  }

  /**
   * What was done in how many milliseconds, and how much in all with what was under way at the end.
   *
   * @param {Promise<never>} failure rejects when something goes wrong
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
