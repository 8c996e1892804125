// The messages and frames that a client read, in order; waits for more of them.

import assert from "node:assert/strict";
import { until } from "../waiting/wait.mjs";

export class Reader {
  /** Messages, in the order of their arrival, and for each the number of its response. */
  messages = [];
  origins = [];
  /** Other frames. */
  frames = [];
  #wrong = Promise.withResolvers();

  constructor() {
    this.#wrong.promise.catch(() => {}); // a waiting test gets the error
  }

  take(frame, response) {
    if (!frame.startsWith("a")) return void this.frames.push(frame);
    for (const message of JSON.parse(frame.slice(1))) {
      this.messages.push(message);
      this.origins.push(response);
    }
  }

  /** Reports an unexpected event to the waiting test. */
  fail(error) {
    this.#wrong.reject(error);
  }

  /** Waits for a frame that is not a message. */
  readsFrame(frame, ms) {
    return this.when(() => this.frames.includes(frame), `the frame ${frame}`, ms);
  }

  /** Waits for a message. */
  readsMessage(message, ms) {
    return this.when(() => this.messages.includes(message), `the message ${message}`, ms);
  }

  async when(condition, what, ms) {
    try {
      await Promise.race([until(condition, what, ms), this.#wrong.promise]);
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      const latest = [...this.frames.slice(-3), ...this.messages.slice(-3)];
      throw new Error(`${error.message}; last read: ${latest.join(" | ")}`, { cause: error });
    }
  }
}
