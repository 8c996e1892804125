// A leaf: holds members, and writes each message to all of them.

import { DESIGN, HTTP_SHARE, MEMBERS_PER_LEAF, WORK } from "./parameters.mjs";
import { Intake } from "./log.mjs";
import { SocketRelay } from "./sockets.mjs";

const CHURN_MS = 10_000;
const MOST_CHURN = 5;

export class Leaf {
  count = MEMBERS_PER_LEAF;
  /** Most entries, and bytes, that had arrived and were not written to all members. */
  most = { messages: 0, bytes: 0 };
  /** WebSockets that closed because the leaf restarted, and members that were closed because the leaf fell behind the log. */
  closed = { restarted: 0, behind: 0 };
  #clock;
  #random;
  #checker;
  #intake;
  #isBroken;
  /** The connection to the parent that was active last. */
  #connection;
  #queue = [];
  #queuedBytes = 0;
  #written = 0;
  #isWriting = false;
  #isStuck = false;
  #isAsked = false;
  #replies = [];
  #reportedAt = 0;
  #reported = MEMBERS_PER_LEAF;
  #memberAcksAt = -Infinity;

  constructor({ index, clock, random, object, checker, isBroken }) {
    this.index = index;
    this.object = object;
    this.#clock = clock;
    this.#random = random;
    this.#checker = checker;
    this.#isBroken = isBroken;
    this.#intake = new Intake(isBroken);
  }

  hello(connection, reply) {
    this.#connection = connection;
    reply(this.#status());
  }

  takeFrame(connection, { entries, isAsked }) {
    this.#connection = connection;
    this.object.work(WORK.message, () => {
      const isMissing = this.#take(entries);
      if (isMissing) this.#up((parent) => parent.rewind(connection, this.#intake.last));
      this.#isAsked ||= isAsked;
      // A leaf that cannot write still acknowledges.
      if (this.#isStuck || !this.#isWriting) this.#acknowledge();
    });
  }

  takeRequest(entries, reply) {
    this.object.work(WORK.request, () => {
      this.#take(entries);
      // The response is the credit: it waits while too much data waits here.
      if (this.#queuedBytes > DESIGN.windowBytes / 2) this.#replies.push(reply);
      else reply(this.#status());
    });
  }

  /** Closes all members with 1013, because the parent's log begins too late for them. The next members begin after `number`. */
  skipTo(number) {
    this.#checker.skipped(this.index, this.#written, number);
    this.closed.behind += this.count;
    this.#intake.skipTo(number);
    this.#written = number;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#isStuck = false;
  }

  /** Restarts. Members over HTTP return with their last number; the other members lose their WebSockets. */
  restart(ms) {
    this.closed.restarted += Math.round(this.count * (1 - HTTP_SHARE));
    this.object.restart(ms, () => {
      this.#intake = new Intake(this.#isBroken);
      this.#intake.skipTo(this.#written);
    });
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#isWriting = false;
    this.#isStuck = false;
    this.#isAsked = false;
    this.#replies = [];
  }

  /** Stops writing for `ms`, as if no member read. */
  stick(ms) {
    this.#isStuck = true;
    this.object.after(ms, () => {
      this.#isStuck = false;
      this.#write();
    });
  }

  /** Lets members come and go until `end`. */
  churn(end) {
    const next = () => {
      if (this.#clock.now > end) return;
      if (this.object.isUp) this.count += this.#random.below(2 * MOST_CHURN + 1) - MOST_CHURN;
      if (this.#clock.now - this.#reportedAt >= DESIGN.presenceMs) this.#report();
      this.#clock.after(this.#random.exponential(CHURN_MS), next);
    };
    const beat = () => {
      this.#report();
      this.#clock.after(DESIGN.heartbeatMs, beat);
    };
    this.#clock.after(this.#random.exponential(CHURN_MS), next);
    this.#clock.after(this.#random.between(0, DESIGN.heartbeatMs), beat);
  }

  #take(entries) {
    const { fresh, isMissing } = this.#intake.take(entries);
    for (const entry of fresh) {
      this.#queue.push(entry);
      this.#queuedBytes += entry.bytes;
    }
    this.most.messages = Math.max(this.most.messages, this.#queue.length);
    this.most.bytes = Math.max(this.most.bytes, this.#queuedBytes);
    this.#write();
    return isMissing;
  }

  /** Writes the queue to all members, in frames that join messages. */
  #write() {
    if (this.#isWriting || this.#isStuck || this.#queue.length === 0) return;
    this.#isWriting = true;
    let [count, bytes] = [0, 0];
    while (count < this.#queue.length && bytes < DESIGN.turnBytes) {
      bytes += this.#queue[count].bytes;
      count += 1;
    }
    const frames = Math.ceil(bytes / DESIGN.frameBytes);
    const each = frames * WORK.memberFrame + (bytes / 1024) * WORK.memberFrameKiB;
    const entries = this.#queue.slice(0, count);
    this.object.work(MEMBERS_PER_LEAF * each, (begin, end) => {
      this.#isWriting = false;
      if (this.#queue[0] !== entries[0]) return; // the queue was skipped meanwhile
      this.#queue.splice(0, count);
      this.#queuedBytes -= bytes;
      for (const entry of entries) this.#checker.delivered(this.index, entry, begin, end);
      this.#written = entries.at(-1).number;
      this.#memberAcks();
      this.#acknowledge();
      for (const reply of this.#replies.splice(0)) reply(this.#status());
      this.#write();
    });
  }

  /** Acknowledges, once a second, on behalf of the members over HTTP. */
  #memberAcks() {
    if (this.#clock.now - this.#memberAcksAt < DESIGN.memberAckMs) return;
    this.#memberAcksAt = this.#clock.now;
    const acks = Math.round(this.count * HTTP_SHARE);
    this.#checker.memberAcks += acks;
    this.object.counters.messages += acks;
    this.object.work(acks * WORK.message, () => {});
  }

  #acknowledge() {
    if (!this.#isAsked) return;
    // An answer before everything is written is followed by another one.
    this.#isAsked = this.#queue.length > 0;
    const status = this.#status();
    const connection = this.#connection;
    this.#up((parent) => parent.acknowledged(connection, status));
  }

  #status() {
    this.#reported = this.count;
    this.#reportedAt = this.#clock.now;
    return { last: this.#intake.last, credit: this.#written, settled: this.#written, count: this.count };
  }

  #report() {
    const connection = this.#connection;
    if (this.count === this.#reported || !this.object.isUp || !connection?.isOpen) return;
    const { count } = this.#status();
    this.#up((parent) => parent.counted(connection, count));
  }

  #up(act) {
    const connection = this.#connection;
    if (connection?.isOpen && connection.parent.hasSockets) SocketRelay.up(connection, act);
  }
}
