// Messages that have gone wrong somewhere before.

import assert from "node:assert/strict";

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

/** How many messages may be under way: enough to fill polls, few enough to come and go all the time. */
const WINDOW = 30;

export function numberedMessages(count) {
  return Array.from({ length: count }, (_, number) => `${number}:${PAYLOADS[number % PAYLOADS.length]}`);
}

/** Sends the messages to an echo and sees each come back in its turn, and nothing else. */
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
