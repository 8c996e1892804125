// A backlog: messages that a client has all at once.

import assert from "node:assert/strict";

/**
 * Returns `count` messages of `size` bytes in UTF-8: each is its number, then the filling. A message too short for its number
 * has letters and digits that look random instead, so that a missing one is noticed.
 */
export function numbered(count, size, filling = "-") {
  const width = Buffer.byteLength(filling);
  return Array.from({ length: count }, (_, number) => {
    const head = `${number} `;
    const room = size - head.length;
    if (room < 0) return scrambled(number).slice(0, size);
    return head + filling.repeat(Math.floor(room / width)) + "-".repeat(room % width);
  });
}

/** Six digits in base 36. */
function scrambled(number) {
  const mixed = Math.imul(number + 1, 0x9e3779b1) >>> 0;
  return mixed.toString(36).padStart(7, "0").slice(1);
}

/** Checks that what was received is what was sent: in order, with nothing lost, doubled or changed. */
export function assertComplete(received, sent) {
  const wrong = sent.findIndex((message, at) => received[at] !== message);
  const of = (messages) => JSON.stringify(messages[wrong]?.slice(0, 20));
  assert.equal(wrong, -1, `message ${wrong} of ${sent.length} is ${of(received)} instead of ${of(sent)}`);
  assert.equal(received.length, sent.length);
}

/** Sends all messages at once to an echo, by the stock client, and checks that they come back. */
export async function exchangeAtOnce(client, messages) {
  for (const message of messages) client.send(message);
  const received = [];
  for (const number of messages.keys()) {
    received.push(await client.messages.next(`message ${number} of ${messages.length}`, MESSAGE_MS));
  }
  assertComplete(received, messages);

  client.send("the end"); // a doubled last message would come before it
  assert.equal(await client.messages.next("the end", MESSAGE_MS), "the end");
}

const MESSAGE_MS = 60_000;
