// Numbered messages: whoever receives them sees whether one was lost, doubled or changed, or came out of order.

import assert from "node:assert/strict";

const DIGITS = 8;

/** The message of that number: `size` characters that JSON leaves as they are. */
export function numbered(number, size) {
  return String(number).padStart(DIGITS, "0").padEnd(size, "-");
}

/** JSON of messages `from` up to before `to`. */
export function numberedJson(from, to, size) {
  const filling = "-".repeat(size - DIGITS);
  const parts = [];
  for (let number = from; number < to; number += 1) parts.push(`"${String(number).padStart(DIGITS, "0")}${filling}"`);
  return `[${parts.join(",")}]`;
}

/** What one client received. */
export class Received {
  #size;
  count = 0;

  constructor(size) {
    this.#size = size;
  }

  take(message) {
    // Compared first: an assertion for each of millions of messages would take longer than they do.
    const expected = numbered(this.count, this.#size);
    if (message !== expected) assert.equal(head(message), head(expected), `message ${this.count} of those received`);
    assert.equal(message.length, expected.length, `the length of message ${this.count}`);
    this.count += 1;
  }
}

const head = (message) => message.slice(0, 2 * DIGITS);
