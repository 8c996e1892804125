// A relay that sends entries to its children by request. The platform permits six waiting requests at the same time.

import { WORK } from "./parameters.mjs";
import { Relay } from "./relay.mjs";

const TIMEOUT_MS = 10_000;

export class RequestRelay extends Relay {
  hasSockets = false;
  /** Time in which the object waited for a response and could not hibernate. */
  awakeMs = 0;
  #awaited = 0;
  #awakeSince = 0;
  #busy = new Set();

  reset() {
    super.reset();
    this.#busy.clear();
    while (this.#awaited > 0) this.#ended();
  }

  /** Sends one request to each child that has none in flight. */
  round() {
    for (const connection of this.connections) {
      if (connection.isOpen && !this.#busy.has(connection) && this.hasNews(connection)) this.#request(connection);
    }
  }

  ask(connection) {
    if (connection.isOpen && !this.#busy.has(connection)) this.#request(connection);
  }

  #request(connection) {
    this.#busy.add(connection);
    this.#began();
    this.takeSlot(() => {
      const entries = this.nextFrame(connection);
      let isAnswered = false;
      const once = (then) => (...values) => {
        if (isAnswered) return;
        isAnswered = true;
        this.#busy.delete(connection);
        this.#ended();
        this.freeSlot();
        then(...values);
      };
      const fail = once(() => this.lost(connection));
      this.object.after(TIMEOUT_MS, fail);
      const answered = once((answer) => {
        connection.landed(Infinity);
        connection.sent = answer.last;
        this.acknowledged(connection, answer);
        if (this.hasNews(connection)) this.plan();
      });
      this.object.work(WORK.outgoingRequest, (_, sentAt) => {
        const arrived = () => {
          connection.child.object.counters.fetches += 1;
          connection.child.takeRequest(entries, (answer) =>
            connection.sendUp(() => this.object.work(WORK.message, () => answered(answer))),
          );
        };
        connection.send(sentAt, arrived, fail);
      });
    });
  }

  #began() {
    if (this.#awaited === 0) this.#awakeSince = this.clock.now;
    this.#awaited += 1;
  }

  #ended() {
    this.#awaited -= 1;
    if (this.#awaited === 0) this.awakeMs += this.clock.now - this.#awakeSince;
  }
}
