// The common part of root and middles: children, log, windows and patience. sockets.mjs and requests.mjs deliver the frames to
// the children.
//
// 1. Entries are added to the log, and sent in rounds to each child from its position. A round joins the entries since the last
//    one.
// 2. A child that is away, or has no room, is skipped. The log keeps its entries.
// 3. A child that returns reports its last number, and gets the entries after it. If the log begins later, the child skips,
//    openly.
// 4. A child whose lag takes more than half of the log is crowded. After `room_patience` the relay no longer waits for it.

import { DESIGN, PLATFORM, WORK } from "./parameters.mjs";
import { Connection } from "./network.mjs";
import { Log } from "./log.mjs";

const WATCH_MS = 100;

export class Relay {
  log = new Log();
  connections = [];
  /** Most entries, and bytes, that waited here for one child. */
  most = { messages: 0, bytes: 0 };
  /** True to continue after the sent entries instead of the received ones, to test that the checker notices. */
  resumesBlindly = false;
  /** Called when a child settled entries, or is no longer waited for. */
  onProgress = () => {};
  /** Called with the number of members below a child. */
  counted = (connection, count) => {
    connection.count = count;
  };
  /** Called to request entries from before the start of the log. Returns false if there is no parent to ask. */
  fill = () => false;
  #random;
  #patienceMs;
  #opening = [];
  #atOnce = 0;
  #isPlanned = false;
  #lastRound = -Infinity;
  #isWatching = false;

  constructor({ clock, random, object, patienceMs }) {
    this.clock = clock;
    this.object = object;
    this.#random = random;
    this.#patienceMs = patienceMs;
  }

  add(child) {
    const connection = new Connection(this.clock, this.#random, this, child);
    this.connections.push(connection);
    return connection;
  }

  /** Connects to all children when the relay starts. */
  start() {
    for (const connection of this.connections) this.open(connection);
  }

  append(entries) {
    for (const entry of entries) this.log.append(entry);
    this.plan();
    this.#watch();
  }

  /** The number up to which all children are done for which the relay waits. */
  get settled() {
    return this.connections.reduce((least, { settled, isGivenUp }) => (isGivenUp ? least : Math.min(least, settled)), this.log.last);
  }

  get isCrowded() {
    return this.connections.some((connection) => !connection.isGivenUp && this.#isLagging(connection));
  }

  get count() {
    return this.connections.reduce((sum, { count }) => sum + count, 0);
  }

  /** Handles a child's acknowledgement. */
  acknowledged(connection, { credit, settled, count }) {
    connection.isAsked = false;
    connection.landed(credit);
    connection.settled = Math.max(connection.settled, settled);
    if (count !== connection.count) this.counted(connection, count);
    this.onProgress();
    if (this.hasNews(connection)) this.plan();
  }

  /** Sends everything after `number` again, to a child that has a gap. */
  rewind(connection, number) {
    connection.landed(Infinity);
    connection.sent = number;
    this.plan();
  }

  /** Replaces the log by an empty one that begins after `base`. Children that are behind it skip. */
  restartLog(base) {
    this.log = new Log(base);
    for (const connection of this.connections) {
      if (connection.isOpen && connection.sent < base) this.#skip(connection);
    }
  }

  /** Connects again to a child that is gone. */
  lost(connection) {
    if (!connection.isOpen) return;
    connection.close();
    this.#retry(connection);
  }

  /** Forgets all connections, when the relay's object restarts. */
  reset() {
    for (const connection of this.connections) {
      connection.close();
      connection.failures = 0;
      connection.heldMs = 0;
      connection.isGivenUp = false;
    }
    this.#opening = [];
    this.#atOnce = 0;
    this.#isPlanned = false;
    this.#isWatching = false;
    this.#lastRound = -Infinity;
  }

  open(connection) {
    if (connection.isOpen || connection.isOpening) return;
    connection.isOpening = true;
    this.takeSlot(() => this.#hello(connection));
  }

  /** Calls `act` as soon as the platform permits another concurrent call. `freeSlot` ends the call. */
  takeSlot(act) {
    this.#opening.push(act);
    this.#nextSlot();
  }

  freeSlot() {
    this.#atOnce -= 1;
    this.#nextSlot();
  }

  #nextSlot() {
    while (this.#atOnce < PLATFORM.outgoingAtOnce && this.#opening.length > 0) {
      this.#atOnce += 1;
      this.#opening.shift()();
    }
  }

  #hello(connection) {
    let isAnswered = false;
    const once = (then) => () => {
      if (isAnswered) return;
      isAnswered = true;
      this.freeSlot();
      then();
    };
    const fail = once(() => {
      connection.close();
      this.#retry(connection);
    });
    this.object.after(DESIGN.openMs, fail);
    this.object.work(WORK.outgoingRequest, (_, sentAt) => {
      const { child } = connection;
      const arrived = () => {
        child.object.counters.fetches += 1;
        child.object.work(WORK.request, () =>
          child.hello(connection, (hello) =>
            connection.sendUp(() => this.object.work(WORK.message, once(() => this.#opened(connection, hello)))),
          ),
        );
      };
      connection.send(sentAt, arrived, () => this.object.after(WATCH_MS / 2, fail));
    });
  }

  #opened(connection, { last, count }) {
    connection.isOpening = false;
    connection.isOpen = true;
    connection.failures = 0;
    connection.startAfter(this.resumesBlindly ? connection.sent : last);
    if (count !== connection.count) this.counted(connection, count);
    connection.askedAt = this.clock.now;
    if (this.log.isBehind(last) && !this.fill(last)) this.#skip(connection);
    this.onProgress();
    this.plan();
  }

  #skip(connection) {
    const { base } = this.log;
    connection.startAfter(base);
    connection.send(this.clock.now, () => {
      connection.child.object.counters.messages += 1;
      connection.child.skipTo(base);
    });
  }

  #retry(connection) {
    const most = Math.min(DESIGN.backOffMs, 10 * 2 ** connection.failures);
    connection.failures += 1;
    this.object.after(this.#random.between(0, most), () => this.open(connection));
  }

  /** Plans a round: at once, or when `gatherMs` have passed since the last one. */
  plan() {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    this.object.after(Math.max(0, this.#lastRound + DESIGN.gatherMs - this.clock.now), () =>
      this.object.work(0, () => {
        this.#isPlanned = false;
        this.#lastRound = this.clock.now;
        this.#measure();
        this.round();
      }),
    );
  }

  /** True if the log has entries that were not sent to the child. */
  hasNews({ sent }) {
    return this.log.countAfter(sent) > 0;
  }

  /** Returns the entries that the child has room for, and counts them as sent. */
  nextFrame(connection) {
    if (this.log.isBehind(connection.sent)) this.#skip(connection);
    const room = DESIGN.windowBytes - connection.flightBytes;
    if (room <= 0 || !this.hasNews(connection)) return [];
    const entries = this.log.after(connection.sent, room);
    connection.sent = entries.at(-1).number;
    connection.flies(connection.sent, entries.reduce((sum, { bytes }) => sum + bytes, 0));
    return entries;
  }

  #measure() {
    const least = this.connections.reduce((number, { sent }) => Math.min(number, sent), this.log.last);
    this.most.messages = Math.max(this.most.messages, this.log.countAfter(least));
    this.most.bytes = Math.max(this.most.bytes, this.log.bytesAfter(least));
  }

  #isLagging({ settled }) {
    const { log } = this;
    return log.countAfter(settled) > DESIGN.logMessages / 2 || log.bytesAfter(settled) > DESIGN.logBytes / 2;
  }

  /**
   * Counts the time for which a child holds up the others. If most children lag, nobody holds up the others: more is published
   * than the room can take, and publishers wait.
   */
  #watch() {
    if (this.#isWatching || !this.isCrowded) return;
    this.#isWatching = true;
    this.object.after(WATCH_MS, () => {
      this.#isWatching = false;
      const lagging = this.connections.filter((connection) => this.#isLagging(connection));
      // Publishers may be waiting, so that no frame is sent that asks.
      for (const connection of lagging) this.ask(connection);
      if (lagging.length <= this.connections.length / 2) lagging.forEach((connection) => this.#hold(connection));
      this.#watch();
      this.onProgress();
    });
  }

  #hold(connection) {
    if (connection.heldMs === 0) {
      this.object.after(DESIGN.minuteMs, () => {
        connection.heldMs = 0;
        connection.isGivenUp = false;
      });
    }
    connection.heldMs += WATCH_MS;
    if (connection.heldMs >= this.#patienceMs) connection.isGivenUp = true;
  }
}
