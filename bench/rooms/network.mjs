// The network between two objects.

import { NETWORK } from "./parameters.mjs";

/** One direction between two objects. Messages arrive in the order in which they were sent. */
export class Path {
  #random;
  #base;
  #lastArrival = 0;

  constructor(random, base = baseDelay(random)) {
    this.#random = random;
    this.#base = base;
  }

  /** Returns the path back, which takes as long. */
  reverse() {
    return new Path(this.#random, this.#base);
  }

  /** Returns the time of arrival of a message that departs at `time`. */
  arrival(time) {
    this.#lastArrival = Math.max(this.#lastArrival, time + this.#base + this.#random.logNormal(NETWORK.jitter));
    return this.#lastArrival;
  }
}

function baseDelay(random) {
  const { farShare, far, near } = NETWORK;
  if (!random.chance(farShare)) return random.logNormal(near);
  return Math.max(far.least, far.mean + far.deviation * random.normal());
}

/** A parent's view of one child: the WebSocket to it, or the series of requests. */
export class Connection {
  isOpen = false;
  isOpening = false;
  /** True if the child is gone without a close event: everything that is sent is lost. */
  isMute = false;
  /** The number of the last message that was sent. */
  sent = 0;
  /** Frames in flight, as `{ last, bytes }`, until the child has room again, and the sum of their bytes. */
  #flight = [];
  flightBytes = 0;
  /** The number up to which everything below the child is done. */
  settled = 0;
  /** Members below the child, according to its last report. */
  count = 0;
  failures = 0;
  heldMs = 0;
  isGivenUp = false;
  askedAt = -Infinity;
  askedNumber = 0;
  isAsked = false;
  askedSince = 0;
  /** Grows whenever the connection breaks. */
  #epoch = 0;
  #clock;

  constructor(clock, random, parent, child) {
    this.#clock = clock;
    this.parent = parent;
    this.child = child;
    this.down = new Path(random);
    this.up = this.down.reverse();
  }

  /** Sends at `time`. Calls `arrived` at the child, unless the connection breaks or the child is away. */
  send(time, arrived, lost = () => {}) {
    this.#travel(this.down, time, this.child.object, arrived, lost);
  }

  /** The same, from the child to the parent. */
  sendUp(arrived) {
    this.#travel(this.up, this.#clock.now, this.parent.object, arrived, () => {});
  }

  flies(last, bytes) {
    this.#flight.push({ last, bytes });
    this.flightBytes += bytes;
  }

  /** Takes frames up to `number` off the window, since the child has room again. */
  landed(number) {
    while (this.#flight.length > 0 && this.#flight[0].last <= number) this.flightBytes -= this.#flight.shift().bytes;
  }

  /** Starts again after `number`. */
  startAfter(number) {
    this.sent = number;
    this.settled = number;
    this.landed(Infinity);
  }

  close() {
    this.#epoch += 1;
    this.isOpen = false;
    this.isOpening = false;
    this.isMute = false;
    this.isAsked = false;
  }

  #travel(path, time, target, arrived, lost) {
    if (this.isMute) return;
    const epoch = this.#epoch;
    this.#clock.at(path.arrival(time), () => {
      if (epoch !== this.#epoch || this.isMute) return;
      if (target.isUp) arrived();
      else lost();
    });
  }
}
