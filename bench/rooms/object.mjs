// A simulated Durable Object: a single thread, a meter, and restarts.

import { WORK } from "./parameters.mjs";

const ASLEEP_AFTER_MS = 10_000;

/** Counters as in bench/cost/meter/counters.mjs, for bench/cost/bill.mjs. */
export function newCounters() {
  return { workerRequests: 0, fetches: 0, alarms: 0, messages: 0, rowsRead: 0, sqlRowsWritten: 0, setAlarms: 0, deleteAlls: 0, busyMs: 0 };
}

export class SimulatedObject {
  /** Number of restarts. Events that were planned before a restart do not happen. */
  life = 0;
  isUp = true;
  #clock;
  #freeAt = 0;

  constructor(clock, counters) {
    this.#clock = clock;
    this.counters = counters;
  }

  /** Does `ms` of work as soon as the thread is free, then calls `then` with the begin and the end of the work. */
  work(ms, then) {
    const wake = this.#clock.now - this.#freeAt > ASLEEP_AFTER_MS ? WORK.start : 0;
    const begin = Math.max(this.#clock.now, this.#freeAt) + wake;
    const end = begin + ms;
    this.#freeAt = end;
    this.counters.busyMs += ms + wake;
    this.#inThisLife(end, () => then(begin, end));
  }

  /** Calls `then` after `ms`, without work, unless the object restarts before. */
  after(ms, then) {
    this.#inThisLife(this.#clock.now + ms, then);
  }

  /** Drops all planned events, is away for `ms`, and calls `then` when it is back. */
  restart(ms, then) {
    this.life += 1;
    this.isUp = false;
    this.#clock.after(ms, () => {
      this.isUp = true;
      this.#freeAt = this.#clock.now + WORK.start;
      then();
    });
  }

  #inThisLife(time, then) {
    const { life } = this;
    this.#clock.at(time, () => {
      if (life === this.life && this.isUp) then();
    });
  }
}
