/** Resident memory of the server in bytes, watched from now until `stop`. */
export class Memory {
  #server;
  #peak;
  #timer;

  constructor(server) {
    this.#server = server;
    this.before = this.#peak = server.memory();
    this.#timer = setInterval(() => this.#sample(), 250);
  }

  #sample() {
    const now = this.#server.memory();
    this.#peak = Math.max(this.#peak, now);
    return now;
  }

  stop() {
    clearInterval(this.#timer);
    return { after: this.#sample(), peak: this.#peak };
  }
}
