// A relay that keeps a WebSocket to each child. The parent opens it: the side that opens a WebSocket cannot hibernate, and there are
// fewer parents than children. A message to a child is billed as a twentieth of a request.

import { DESIGN, WORK } from "./parameters.mjs";
import { Relay } from "./relay.mjs";

export class SocketRelay extends Relay {
  /** True if children can send first. */
  hasSockets = true;

  /** Sends to each child the entries that it has room for, one child after the other. */
  round() {
    let spent = 0;
    for (const connection of this.connections) {
      if (!connection.isOpen) continue;
      const entries = this.nextFrame(connection);
      if (entries.length === 0) continue;
      spent += WORK.send;
      this.#send(connection, this.clock.now + spent, entries, this.#shouldAsk(connection));
    }
    this.object.work(spent, () => {
      if (this.connections.some((connection) => connection.isOpen && this.#hasMore(connection))) this.plan();
    });
  }

  /** Asks a child for its position, unless it was asked recently. */
  ask(connection) {
    if (connection.isOpen && this.clock.now - connection.askedAt >= DESIGN.askMs) this.#send(connection, this.clock.now, [], true);
  }

  #send(connection, time, entries, isAsked) {
    if (isAsked) this.#expectAnswer(connection);
    connection.send(time, () => {
      connection.child.object.counters.messages += 1;
      connection.child.takeFrame(connection, { entries, isAsked });
    });
  }

  #hasMore(connection) {
    return this.hasNews(connection) && connection.flightBytes < DESIGN.windowBytes;
  }

  #shouldAsk({ askedAt, askedNumber, sent }) {
    return (
      this.clock.now - askedAt >= DESIGN.askMs ||
      this.log.bytesBetween(askedNumber, sent) >= DESIGN.windowBytes / 4 ||
      this.log.countAfter(askedNumber) >= DESIGN.askMessages
    );
  }

  /** Expects the child's answer to a frame that asks. The parent has the timer and not the child, since it is awake anyway. */
  #expectAnswer(connection) {
    connection.askedAt = this.clock.now;
    connection.askedNumber = connection.sent;
    if (connection.isAsked) return;
    connection.isAsked = true;
    const since = this.clock.now;
    connection.askedSince = since;
    this.object.after(DESIGN.silenceMs, () => {
      if (connection.isAsked && connection.askedSince === since) this.lost(connection);
    });
  }

  /** Sends to the parent, where such a message is billed, too. */
  static up(connection, act) {
    connection.sendUp(() => {
      const { parent } = connection;
      parent.object.counters.messages += 1;
      parent.object.work(WORK.message, () => act(parent));
    });
  }
}
