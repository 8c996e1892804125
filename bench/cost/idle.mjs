// Idle connections, for a given number of heartbeats. The counters are read in the middle between two heartbeats, when the work
// of the previous one is done: so whole heartbeats are counted, and nothing twice.

import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../tests/harness/waiting/wait.mjs";
import { minus } from "./bill.mjs";

const HOUR_MS = 3_600_000;
/** Longer than any requested number of heartbeats takes; a connection without one fails long before. */
const LIMIT_MS = 24 * HOUR_MS;

/**
 * @param server a metered server
 * @param connect opens a connection
 * @param {object} options
 * @param {number} options.count number of connections
 * @param {number} options.heartbeatMs the server's `heartbeat_delay`
 * @param {number} options.heartbeats number to wait for
 * @param {boolean} [options.beats] true if they get heartbeats; otherwise the same time is waited
 * @param {boolean} [options.wholeLife] true to wait until each has a new receiver: for streams, whose end is part of being idle
 * @returns `{ counters, heartbeats, hours, storedBytes }`: the counters, the number of heartbeats of each connection meanwhile,
 *   the number of hours, and the bytes that are stored all the time
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
      // Spread over time, like real connections.
      if (count > 1) await sleep(heartbeatMs / count);
    }
    if (!beats) await sleep(heartbeatMs);
    await everyone((listener) => listener.heartbeats >= 1, "a first heartbeat");
    const before = await readBetween(server, listeners, heartbeatMs);
    if (!beats) await sleep(heartbeats * heartbeatMs);
    if (wholeLife) {
      // From a heartbeat after the start of one stream to the same heartbeat of the next stream.
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

/** Receives the heartbeats of a connection, and fails if anything else arrives. */
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

  /** Restarts the count, with the heartbeats of later receivers. */
  restart() {
    this.#receiversBefore = this.#connection.receivers;
    this.heartbeatsOfNext = 0;
  }

  /** Returns true, or throws the error that the connection ended with. */
  isWell() {
    if (this.#error) throw this.#error;
    return true;
  }

  stop() {
    this.#isOver = true;
  }
}
