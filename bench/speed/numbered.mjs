// Numbered messages, which reveal when one was lost, doubled, changed, or out of order.

const DIGITS = 12;

/** The messages to one receiver. Each consists of its number and padding, `size` bytes in all. */
export class Numbered {
  #padding;
  #next = 0;
  #seen = 0;

  constructor(size) {
    this.#padding = "x".repeat(size - DIGITS);
  }

  /** Returns the next message to send. */
  next() {
    return this.#text(this.#next++);
  }

  /** Checks a received message. Throws an error that describes the problem. */
  take(text) {
    const expected = this.#text(this.#seen);
    if (this.#seen >= this.#next) throw new Error(`received a message that was not sent: ${text.slice(0, DIGITS)}`);
    if (text !== expected) {
      const [got, due] = [text, expected].map((message) => message.slice(0, DIGITS));
      throw new Error(got === due ? `message ${due} came changed` : `received message ${got} in place of ${due}`);
    }
    this.#seen += 1;
  }

  /** Number of messages in flight. */
  get missing() {
    return this.#next - this.#seen;
  }

  #text(number) {
    return String(number).padStart(DIGITS, "0") + this.#padding;
  }
}
