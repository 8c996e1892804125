// The root: numbers the messages of the room.

import { COMMIT_MS, DESIGN, WORK } from "./parameters.mjs";
import { Log } from "./log.mjs";

/** A root without memory starts at the time in ms times this, which no earlier root can have reached. */
const NUMBERS_PER_MS = 1024;
const HOLD_CHECK_MS = 50;

export class Root {
  /** Longest time for which a publisher was held, and the number of publishers that had to try again. */
  longestHoldMs = 0;
  refused = 0;
  #clock;
  #checker;
  #isOutbox;
  #broken;
  #last = 0;
  #isStart = false;
  /** The last call of each sender. */
  #senders = new Map();
  #held = [];
  #open = new Set();

  constructor({ clock, checker, object, relay, isOutbox, broken }) {
    this.object = object;
    this.relay = relay;
    this.#clock = clock;
    this.#checker = checker;
    this.#isOutbox = isOutbox;
    this.#broken = broken;
    relay.onProgress = () => this.#release();
  }

  /** Handles a call `{ sender, call, messages }`. Answers "accepted", "again" or, when the root is gone, "lost". */
  publish(call, answer) {
    this.object.counters.fetches += 1;
    const pending = { call, answer, since: this.#clock.now };
    this.#open.add(pending);
    this.object.work(WORK.request, () => {
      if (this.relay.isCrowded || this.#held.length > 0) this.#hold(pending);
      else this.#accept(pending);
    });
  }

  /** Restarts. At `outbox` all accepted messages have rows; at `default` the memory is lost. */
  restart(ms) {
    this.relay.reset();
    const lost = [...this.#open];
    this.#open.clear();
    this.#held = [];
    for (const { answer } of lost) answer("lost");
    this.object.restart(ms, () => {
      if (this.#isOutbox) this.#last = this.relay.log.last;
      else this.#beginAnew();
      this.relay.start();
    });
  }

  #beginAnew() {
    this.#senders = new Map();
    this.#last = Math.ceil(this.#clock.now) * NUMBERS_PER_MS;
    this.#isStart = true;
    this.relay.log = new Log(this.#last);
    this.relay.log.isFromStart = true;
  }

  #hold(pending) {
    this.#held.push(pending);
    this.object.after(DESIGN.publishWaitMs, () => {
      if (!this.#held.includes(pending)) return;
      this.#held.splice(this.#held.indexOf(pending), 1);
      this.refused += 1;
      this.#noteHold(pending);
      this.#answer(pending, "again");
    });
    this.object.after(HOLD_CHECK_MS, () => this.#release());
  }

  #release() {
    while (this.#held.length > 0 && !this.relay.isCrowded) {
      const pending = this.#held.shift();
      this.#noteHold(pending);
      this.#accept(pending);
    }
  }

  #noteHold({ since }) {
    this.longestHoldMs = Math.max(this.longestHoldMs, this.#clock.now - since);
  }

  #accept(pending) {
    const { sender, call, messages } = pending.call;
    const isRepeat = call <= (this.#senders.get(sender) ?? 0) && this.#broken !== "repeats";
    if (isRepeat) {
      this.#answer(pending, "accepted");
      return;
    }
    const entries = messages.map((message) => this.#number(message));
    // A number that is assigned and not stored is assigned to another message: nothing is sent before its row is durable.
    const accepted = () => {
      for (const entry of entries) this.#checker.numbered(entry);
      this.#senders.set(sender, call);
      this.relay.append(entries);
      this.#answer(pending, "accepted");
    };
    if (!this.#isOutbox) {
      accepted();
      return;
    }
    // One row for the call, with its sender and number; it is deleted when its messages leave the log.
    this.object.counters.sqlRowsWritten += 2;
    this.object.work(WORK.row, () => this.object.after(COMMIT_MS, accepted));
  }

  #number(message) {
    const previous = this.#last;
    const isReused = this.#broken === "numbering" && message.id % 20 === 19;
    if (!isReused) this.#last += 1;
    const entry = { ...message, number: this.#last, previous, isStart: this.#isStart };
    this.#isStart = false;
    return entry;
  }

  #answer(pending, result) {
    if (!this.#open.delete(pending)) return;
    pending.answer(result);
  }
}
