// A middle: takes entries from the root, like a leaf, and sends them to its children, like the root.

import { DESIGN, WORK } from "./parameters.mjs";
import { Intake } from "./log.mjs";
import { SocketRelay } from "./sockets.mjs";

export class Middle {
  #clock;
  #intake = new Intake();
  #connection;
  /** False from a restart until the children have reported their numbers. */
  #isReady = true;
  #waiting = [];
  #reportedAt = 0;
  #isReporting = false;

  constructor({ index, clock, object, relay }) {
    this.index = index;
    this.object = object;
    this.relay = relay;
    this.#clock = clock;
    relay.fill = (number) => this.#fill(number);
    relay.counted = (connection, count) => this.#counted(connection, count);
    relay.onProgress = () => this.#readyIfAllCame();
  }

  hello(connection, reply) {
    this.#connection = connection;
    this.#waiting.push(reply);
    if (this.#isReady) this.#answerHellos();
    else this.#readyIfAllCame();
  }

  takeFrame(connection, { entries, isAsked }) {
    this.#connection = connection;
    this.object.work(WORK.message, () => {
      if (this.#take(entries)) this.#up((parent) => parent.rewind(connection, this.#intake.last));
      if (!isAsked) return;
      const status = this.#status();
      this.#up((parent) => parent.acknowledged(connection, status));
    });
  }

  takeRequest(entries, reply) {
    this.object.work(WORK.request, () => {
      this.#take(entries);
      reply(this.#status());
    });
  }

  skipTo(number) {
    this.#intake.skipTo(number);
    this.relay.restartLog(number);
  }

  restart(ms) {
    this.relay.reset();
    this.#isReady = false;
    this.#waiting = [];
    this.#isReporting = false;
    this.object.restart(ms, () => {
      this.#intake = new Intake();
      this.relay.restartLog(0);
      this.relay.start();
      this.object.after(DESIGN.helloMs, () => this.#ready());
    });
  }

  #take(entries) {
    const { fresh, isMissing } = this.#intake.take(entries);
    if (fresh.length > 0) this.relay.append(fresh);
    return isMissing;
  }

  #readyIfAllCame() {
    if (!this.#isReady && this.relay.connections.every(({ isOpen }) => isOpen)) this.#ready();
  }

  /** Starts after the lowest number of any child. */
  #ready() {
    if (this.#isReady) return;
    const open = this.relay.connections.filter(({ isOpen }) => isOpen);
    if (open.length === 0) {
      this.object.after(DESIGN.helloMs, () => this.#ready());
      return;
    }
    this.#isReady = true;
    const least = Math.min(...open.map(({ sent }) => sent));
    this.#intake.skipTo(least);
    this.relay.restartLog(least);
    this.#answerHellos();
  }

  #answerHellos() {
    for (const reply of this.#waiting.splice(0)) reply(this.#status());
  }

  #status() {
    this.#reportedAt = this.#clock.now;
    const { last } = this.#intake;
    return { last, credit: last, settled: this.relay.settled, count: this.relay.count };
  }

  /**
   * Requests from the root the entries after `number`, and drops those after it. Children that have more drop the repeated ones.
   */
  #fill(number) {
    if (!this.#isReady) return true;
    this.#intake.skipTo(number);
    this.#intake.isWaiting = true;
    this.relay.restartLog(number);
    const connection = this.#connection;
    this.#up((parent) => parent.rewind(connection, number));
    return true;
  }

  /** Adds up the reports of the children, and reports the sum. */
  #counted(child, count) {
    child.count = count;
    if (this.#isReporting) return;
    this.#isReporting = true;
    this.object.after(Math.max(0, this.#reportedAt + DESIGN.presenceMs - this.#clock.now), () => {
      this.#isReporting = false;
      const connection = this.#connection;
      const status = this.#status();
      this.#up((parent) => parent.counted(connection, status.count));
    });
  }

  #up(act) {
    const connection = this.#connection;
    if (connection?.isOpen && connection.parent.hasSockets) SocketRelay.up(connection, act);
  }
}
