// Connections that nobody uses, for as many heartbeats as are asked for. The counters are read in the middle between two
// heartbeats, when nothing of the one before is left to be done: so whole heartbeats are counted, and nothing twice.

import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../tests/harness/waiting/wait.mjs";
import { minus } from "./bill.mjs";

const HOUR_MS = 3_600_000;
/** More than any number of heartbeats that anyone asks for; a connection without one fails long before. */
const LIMIT_MS = 24 * HOUR_MS;

/**
 * @param server a metered one
 * @param connect opens a connection
 * @param {object} options
 * @param {number} options.count how many connections
 * @param {number} options.heartbeatMs the server's `heartbeat_delay`
 * @param {number} options.heartbeats how many to wait for
 * @param {boolean} [options.beats] whether they get heartbeats; the same time is waited for those that get none
 * @param {boolean} [options.wholeLife] until each has a new receiver: for streams, whose end is part of being idle
 * @returns `{ counters, heartbeats, hours, storedBytes }`: what was counted, while how many heartbeats came to each, in how
 *   many hours, and what is stored all the time
 */
export async function measureIdle(server, connect, options) {
  const { count, heartbeatMs, heartbeats, beats = true, wholeLife = false } = options;
  const listeners = [];
  const everyone = (isReady, what) =>
    until(() => listeners.every((listener) => listener.isWell() && isReady(listener)), what, LIMIT_MS);
  try {
    for (let opened = 0; opened < count; opened++) {
      const connection = await connect();
      if (beats) listeners.push(new Listener(connection, 3 * heartbeatMs));
      // As connections come in life: not all at once.
      if (count > 1) await sleep(heartbeatMs / count);
    }
    if (!beats) await sleep(heartbeatMs);
    await everyone((listener) => listener.heartbeats >= 1, "a first heartbeat");
    const before = await readBetween(server, listeners, heartbeatMs);
    if (!beats) await sleep(heartbeats * heartbeatMs);
    if (wholeLife) {
      // From a heartbeat after one stream began to the same heartbeat of the next stream.
      for (const listener of listeners) listener.restart();
      await everyone((listener) => listener.heartbeatsOfNext >= 1, "the next stream's first heartbeat");
    } else {
      const last = before.heartbeats + heartbeats;
      await everyone((listener) => listener.heartbeats >= last, `${heartbeats} heartbeats`);
    }
    const after = await readBetween(server, listeners, heartbeatMs);
    const hours = (after.at - before.at) / HOUR_MS;
    const counters = minus(after.counters, before.counters);
    const counted = beats ? after.heartbeats - before.heartbeats : heartbeats;
    return { counters, heartbeats: counted, hours, storedBytes: after.storedBytes };
  } finally {
    for (const listener of listeners) listener.stop();
  }
}

async function readBetween(server, listeners, heartbeatMs) {
  await sleep(heartbeatMs / 2);
  const { counters, storedBytes } = await server.read();
  const heartbeats = Math.min(...listeners.map((listener) => listener.heartbeats));
  return { counters, storedBytes, at: performance.now(), heartbeats };
}

/** Takes the heartbeats of a connection, and nothing else may come. */
class Listener {
  heartbeats = 0;
  heartbeatsOfNext = 0;
  #receiversBefore = Infinity;
  #connection;
  #isOver = false;
  #error;

  constructor(connection, limitMs) {
    this.#connection = connection;
    this.#listen(limitMs).catch((error) => (this.#error = error));
  }

  async #listen(limitMs) {
    while (!this.#isOver) {
      const frame = await this.#connection.next(limitMs);
      if (frame !== "h") throw new Error(`an idle connection was given ${frame}`);
      this.heartbeats++;
      if (this.#connection.receivers > this.#receiversBefore) this.heartbeatsOfNext++;
    }
  }

  /** From now on, counts the heartbeats of receivers that are still to come. */
  restart() {
    this.#receiversBefore = this.#connection.receivers;
    this.heartbeatsOfNext = 0;
  }

  /** True, or the error that its connection came to. */
  isWell() {
    if (this.#error) throw this.#error;
    return true;
  }

  stop() {
    this.#isOver = true;
  }
}
