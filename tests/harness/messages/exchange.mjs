// Exchanges with an echo: messages that once caused errors, and backlogs.

import assert from "node:assert/strict";
import { assertComplete } from "./numbered.mjs";

const PAYLOADS = [
  "",
  "plain",
  "x".repeat(9 * 1024),
  String.fromCharCode(...Array(32).keys(), 127, ...Array.from({ length: 32 }, (_, i) => 128 + i)),
  "\u2028\u2029\u200c\u206f\ufeff\ufff0\uffff",
  "é 漢字 😀 \u{10ffff}",
  "%25 %41 %",
  "a\ud800b\udc00c", // not a pair: each becomes one U+FFFD
  `"\\/'\b\f\n\r\t`,
];

/** Most messages in flight: enough to fill polls, and few enough for steady traffic. */
const WINDOW = 30;

/** Returns messages of each kind, each after its number. */
export function nastyMessages(count) {
  return Array.from({ length: count }, (_, number) => `${number}:${PAYLOADS[number % PAYLOADS.length]}`);
}

/** Sends the messages, with a limited number in flight, and checks that each comes back in its turn, and nothing else. */
export async function exchange(client, messages) {
  const receive = async (number) => {
    const received = await client.messages.next(`message ${number}`);
    assert.equal(received, messages[number].toWellFormed(), `message ${number}`);
  };
  for (const [number, message] of messages.entries()) {
    if (number >= WINDOW) await receive(number - WINDOW);
    client.send(message);
  }
  for (let number = messages.length - WINDOW; number < messages.length; number++) await receive(number);

  client.send("the end"); // a doubled last message would come before it
  assert.equal(await client.messages.next("the end"), "the end");
}

/** Time for the last message of a backlog to come back. */
const BACKLOG_MS = 60_000;

/** Sends all messages at once, and checks that they come back. */
export async function exchangeAtOnce(client, messages) {
  for (const message of messages) client.send(message);
  const received = [];
  for (const number of messages.keys()) {
    received.push(await client.messages.next(`message ${number} of ${messages.length}`, BACKLOG_MS));
  }
  assertComplete(received, messages);

  client.send("the end"); // a doubled last message would come before it
  assert.equal(await client.messages.next("the end", BACKLOG_MS), "the end");
}
