// Numbered messages, which show when one was lost, doubled, changed or out of order.

import assert from "node:assert/strict";

const DIGITS = 8;

/** Returns the message of that number: `size` characters that JSON leaves as they are. */
export function numbered(number, size) {
  return String(number).padStart(DIGITS, "0").padEnd(size, "-");
}

/** Returns the messages from number `from` up to before `to`, as JSON. */
export function numberedJson(from, to, size) {
  const filling = "-".repeat(size - DIGITS);
  const parts = [];
  for (let number = from; number < to; number += 1) parts.push(`"${String(number).padStart(DIGITS, "0")}${filling}"`);
  return `[${parts.join(",")}]`;
}

/** Checks what one client receives: messages from number 0 on. */
export class Received {
  #size;
  count = 0;

  constructor(size) {
    this.#size = size;
  }

  take(message) {
    assertSame(message, numbered(this.count, this.#size), this.count);
    this.count += 1;
  }
}

/** Asserts that a message is the expected one. Its error shows the beginning of both: a whole one is long. */
export function assertSame(message, expected, number) {
  if (message !== expected) assert.fail(`message ${number} is ${shown(message)} instead of ${shown(expected)}`);
}

function shown(text) {
  return text === undefined ? "nothing" : `${JSON.stringify(text.slice(0, 2 * DIGITS))} of ${text.length} characters`;
}
