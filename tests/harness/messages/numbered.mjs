// Numbered messages, which reveal when one was lost, doubled, changed or out of order.

import assert from "node:assert/strict";

/**
 * Returns the message of that number, of `size` bytes in UTF-8: the number, then the padding. A message too short for its number
 * has letters and digits that look random instead, so that a missing one is noticed.
 */
export function numbered(number, size, filling = "-") {
  const width = Buffer.byteLength(filling);
  const head = `${number} `;
  const room = size - head.length;
  if (room < 0) return scrambled(number).slice(0, size);
  return head + filling.repeat(Math.floor(room / width)) + "-".repeat(room % width);
}

/** Returns six digits in base 36. */
function scrambled(number) {
  const mixed = Math.imul(number + 1, 0x9e3779b1) >>> 0;
  return mixed.toString(36).padStart(7, "0").slice(1);
}

/** Returns the first `count` messages. */
export function backlog(count, size, filling) {
  return Array.from({ length: count }, (_, number) => numbered(number, size, filling));
}

/** Returns the messages from number `from` up to before `to`, as JSON. */
export function numberedJson(from, to, size) {
  const parts = [];
  for (let number = from; number < to; number += 1) parts.push(`"${numbered(number, size)}"`);
  return `[${parts.join(",")}]`;
}

/** Checks the messages that one client receives, from number 0 on. */
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

/** Asserts that the received messages are the sent ones: in order, with none lost, doubled or changed. */
export function assertComplete(received, sent) {
  const wrong = sent.findIndex((message, at) => received[at] !== message);
  if (wrong >= 0) assertSame(received[wrong], sent[wrong], `${wrong} of ${sent.length}`);
  assert.equal(received.length, sent.length);
}

/** Asserts that a message is the expected one. The error shows the beginning of both, since a whole message is long. */
export function assertSame(message, expected, number) {
  if (message !== expected) assert.fail(`message ${number} is ${shown(message)} instead of ${shown(expected)}`);
}

function shown(text) {
  return text === undefined ? "nothing" : `${JSON.stringify(text.slice(0, 20))} of ${text.length} characters`;
}
