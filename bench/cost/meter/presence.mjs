// Measures the time for which an object cannot hibernate: at least one piece of its work is pending, which may be a request, a
// handler, a waitUntil, a timer or a WebSocket that does not hibernate.

/**
 * Time after which an object without work leaves memory. According to the platform it is not billed; if it were, it would be this
 * long.
 */
const LINGER_MS = 10_000;

export class Presence {
  /** Size of the object's database when its last piece of work ended. */
  storedBytes = 0;
  #pending = 0;
  /** Start of the pending work, and end of the last one. */
  #busySince;
  #idleSince;
  #busyMs = 0;
  #residentMs = 0;
  #now;

  constructor(now = () => Date.now()) {
    this.#now = now;
  }

  /** Begins a piece of work. The first call of the returned function ends it. */
  begin() {
    if (this.#pending++ === 0) {
      this.#residentMs += this.#lingered();
      this.#idleSince = undefined;
      this.#busySince = this.#now();
    }
    let isOver = false;
    return () => {
      if (!isOver) this.#end();
      isOver = true;
    };
  }

  #end() {
    if (--this.#pending > 0) return;
    this.#busyMs += this.#worked();
    this.#residentMs += this.#worked();
    this.#busySince = undefined;
    this.#idleSince = this.#now();
  }

  reset() {
    this.#busyMs = 0;
    this.#residentMs = 0;
    // Work that began before the reset counts from here. Earlier lingering belongs to the time before.
    if (this.#busySince !== undefined) this.#busySince = this.#now();
    this.#idleSince = undefined;
  }

  /** Returns `busyMs`, and `residentMs`: the same with the ten seconds after each piece of work, as far as they have passed. */
  read() {
    const residentMs = this.#residentMs + this.#worked() + this.#lingered();
    const busyMs = this.#busyMs + this.#worked();
    return { busyMs, residentMs, pending: this.#pending, storedBytes: this.storedBytes };
  }

  #worked() {
    return this.#busySince === undefined ? 0 : this.#now() - this.#busySince;
  }

  #lingered() {
    return this.#idleSince === undefined ? 0 : Math.min(this.#now() - this.#idleSince, LINGER_MS);
  }
}
