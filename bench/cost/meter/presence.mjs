// How long one object cannot hibernate: the time in which at least one piece of its work is pending, be it a request, a
// handler, a waitUntil, a timer or a WebSocket that does not hibernate.

/** An object without work leaves memory after this time. It is not billed, says the platform; were it, it would be this. */
const LINGER_MS = 10_000;

export class Presence {
  /** Size of the object's database when its last piece of work ended. */
  storedBytes = 0;
  #pending = 0;
  /** When the work that is pending began, and when the last ended. */
  #busySince;
  #idleSince;
  #busyMs = 0;
  #residentMs = 0;
  #now;

  constructor(now = () => Date.now()) {
    this.#now = now;
  }

  /** A piece of work begins; it ends with the first call of what this returns. */
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
    // What began before goes on from here. What lingered before belongs to what was before.
    if (this.#busySince !== undefined) this.#busySince = this.#now();
    this.#idleSince = undefined;
  }

  /** `residentMs` is `busyMs` with the ten seconds after each piece of work, as far as they have passed. */
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
