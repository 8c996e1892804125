// Virtual time, and randomness that a seed reproduces. Nothing in the simulation reads the time of the machine.

/** A queue of events. Events of the same time happen in the order in which they were planned. */
export class Clock {
  now = 0;
  #heap = [];
  #planned = 0;

  after(ms, action) {
    this.at(this.now + ms, action);
  }

  at(time, action) {
    const event = { time: Math.max(time, this.now), order: this.#planned, action };
    this.#planned += 1;
    const heap = this.#heap;
    let place = heap.length;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!isBefore(event, heap[parent])) break;
      heap[place] = heap[parent];
      place = parent;
    }
    heap[place] = event;
  }

  /** Runs until `end`, or until `isDone` returns true. */
  run(end, isDone = () => false) {
    while (this.#heap.length > 0 && this.#heap[0].time <= end && !isDone()) {
      const event = this.#take();
      this.now = event.time;
      event.action();
    }
    if (!isDone()) this.now = end;
  }

  #take() {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    const { length } = heap;
    let place = 0;
    while (length > 0) {
      let child = 2 * place + 1;
      if (child + 1 < length && isBefore(heap[child + 1], heap[child])) child += 1;
      if (child >= length || !isBefore(heap[child], last)) {
        heap[place] = last;
        break;
      }
      heap[place] = heap[child];
      place = child;
    }
    return first;
  }
}

function isBefore(one, other) {
  return one.time < other.time || (one.time === other.time && one.order < other.order);
}

/** The generator mulberry32, with the distributions that the simulation needs. */
export class Random {
  #state;

  constructor(seed) {
    this.#state = seed >>> 0;
  }

  /** Returns a number from 0 to below 1. */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  between(least, most) {
    return least + (most - least) * this.next();
  }

  below(count) {
    return Math.floor(this.next() * count);
  }

  chance(share) {
    return this.next() < share;
  }

  exponential(mean) {
    return -mean * Math.log(1 - this.next());
  }

  normal() {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
  }

  logNormal({ median, sigma }) {
    return median * Math.exp(sigma * this.normal());
  }
}
