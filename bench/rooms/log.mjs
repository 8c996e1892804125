// The log of a relay, and the intake of a child.
//
// An entry is `{ number, previous, isStart, id, bytes, sender, sequence }`. `previous` is the number of the entry before it, so
// that numbers need not be consecutive. A root that lost its memory starts at a number that it cannot have used, and marks that
// entry as a start.

import { DESIGN } from "./parameters.mjs";

/** The last messages, bounded in number and bytes. */
export class Log {
  #entries = [];
  /** Bytes of all entries up to and including each one, since the log began. */
  #offsets = [];
  #first = 0;
  #begin = 0;

  /** @param {number} base the number before the first entry */
  constructor(base = 0) {
    this.base = base;
    /** True if the first entry is the first of a root that started again: a child with an older number may continue with it. */
    this.isFromStart = false;
  }

  get last() {
    return this.#entries.at(-1)?.number ?? this.base;
  }

  append(entry) {
    if (this.#entries.length === this.#first && entry.isStart) this.isFromStart = true;
    this.#offsets.push((this.#offsets.at(-1) ?? this.#begin) + entry.bytes);
    this.#entries.push(entry);
    while (this.#entries.length - this.#first > DESIGN.logMessages || this.bytesAfter(this.base) > DESIGN.logBytes) {
      this.base = this.#entries[this.#first].number;
      this.isFromStart = false;
      this.#first += 1;
    }
    if (this.#first > DESIGN.logMessages) this.#compact();
  }

  /** True if the log does not reach back to `number`. */
  isBehind(number) {
    return number < this.base && !this.isFromStart;
  }

  /** Returns the entries after `number`, of at most `bytes`, but one at least. */
  after(number, bytes) {
    const from = this.#indexAfter(number);
    const limit = this.#offsetBefore(from) + bytes;
    let to = from;
    while (to < this.#entries.length && (to === from || this.#offsets[to] <= limit)) to += 1;
    return this.#entries.slice(from, to);
  }

  countAfter(number) {
    return this.#entries.length - this.#indexAfter(number);
  }

  bytesAfter(number) {
    return (this.#offsets.at(-1) ?? this.#begin) - this.#offsetBefore(this.#indexAfter(number));
  }

  bytesBetween(number, later) {
    return this.bytesAfter(number) - this.bytesAfter(later);
  }

  #offsetBefore(index) {
    return index === 0 ? this.#begin : this.#offsets[index - 1];
  }

  /** Returns the index of the first entry in the log with a higher number. */
  #indexAfter(number) {
    let [low, high] = [this.#first, this.#entries.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#entries[middle].number <= number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #compact() {
    this.#begin = this.#offsets[this.#first - 1];
    this.#entries.splice(0, this.#first);
    this.#offsets.splice(0, this.#first);
    this.#first = 0;
  }
}

/** Takes each entry once and in order: drops repeats, and refuses early entries. */
export class Intake {
  last = 0;
  /** True from a gap until the missing entries arrive. */
  isWaiting = false;
  #isBroken;

  /** @param {boolean} isBroken true to accept gaps, to test that the checker notices */
  constructor(isBroken = false) {
    this.#isBroken = isBroken;
  }

  /** Returns the new entries, and true if earlier ones are missing and have to be requested. */
  take(entries) {
    const fresh = [];
    for (const entry of entries) {
      if (entry.number <= this.last) continue;
      if (entry.previous !== this.last && !entry.isStart && !this.#isBroken) {
        const hasNews = !this.isWaiting;
        this.isWaiting = true;
        return { fresh, isMissing: hasNews };
      }
      this.isWaiting = false;
      this.last = entry.number;
      fresh.push(entry);
    }
    return { fresh, isMissing: false };
  }

  skipTo(number) {
    this.last = number;
    this.isWaiting = false;
  }
}
