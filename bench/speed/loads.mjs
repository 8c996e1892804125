// The loads for the servers. A load is opened once, run in slices, and closed. A run fails if a message is lost, doubled, changed
// or out of order.

import { MODES, openAll, openWebSocket } from "./clients/index.mjs";
import { Numbered } from "./numbered.mjs";
import { Slice } from "./slice.mjs";

class Load {
  #failure = Promise.withResolvers();
  clients = [];
  slice;

  constructor() {
    this.#failure.promise.catch(() => {}); // it may reject while no slice runs
  }

  failed = (error) => this.#failure.reject(error);

  /** Runs `slice` with `fill`, and returns its result: see `Slice.result`. */
  async fill(slice, fill) {
    this.slice = slice;
    fill();
    return slice.result(this.#failure.promise);
  }

  /** Returns the listener of a client; an error in `received` is a failure. */
  listener(opened, received) {
    const guarded = (messages) => {
      try {
        messages.forEach(received);
      } catch (error) {
        this.failed(error);
      }
    };
    return { opened, received: guarded, failed: this.failed };
  }

  async opened(clients) {
    this.clients = await Promise.race([clients, this.#failure.promise]);
    return this;
  }

  close() {
    for (const client of this.clients) client.close();
  }
}

/** Sessions that send messages to an echo, each with a fixed number in flight. */
export class Echo extends Load {
  #inFlight;
  #ends = [];

  static open(url, { mode, sessions, inFlight, bytes }) {
    const load = new Echo();
    load.#inFlight = inFlight;
    return load.opened(openAll(sessions, (n, opened) => load.#client(MODES[mode], url, n, bytes, opened)));
  }

  #client(open, url, n, bytes, opened) {
    const numbered = new Numbered(bytes);
    const send = () => {
      this.slice.begin();
      client.send(numbered.next());
    };
    const received = (message) => {
      numbered.take(message);
      if (this.slice.finish()) send();
    };
    const client = open(url, this.listener(opened, received));
    this.#ends[n] = send;
    return client;
  }

  run(ms) {
    const atLeast = this.#ends.length * this.#inFlight;
    return this.fill(new Slice({ ms, atLeast }), () => {
      for (const send of this.#ends) {
        for (let n = 0; n < this.#inFlight; n += 1) send();
      }
    });
  }
}

/** Sessions of which a few have a message echoed, each in its turn: `inFlight` at once, in all of them together. */
export class Rotation extends Load {
  #inFlight;
  #sends = [];
  #turn = 0;

  static open(url, { mode, sessions, inFlight, bytes }) {
    const load = new Rotation();
    load.#inFlight = inFlight;
    return load.opened(openAll(sessions, (n, opened) => load.#client(MODES[mode], url, n, bytes, opened)));
  }

  #client(open, url, n, bytes, opened) {
    const numbered = new Numbered(bytes);
    this.#sends[n] = () => {
      this.slice.begin();
      client.send(numbered.next());
    };
    const received = (message) => {
      numbered.take(message);
      if (this.slice.finish()) this.#next();
    };
    const client = open(url, this.listener(opened, received));
    return client;
  }

  #next() {
    this.#turn = (this.#turn + 1) % this.#sends.length;
    this.#sends[this.#turn]();
  }

  run(ms) {
    return this.fill(new Slice({ ms, atLeast: this.#inFlight }), () => {
      for (let n = 0; n < this.#inFlight; n += 1) this.#next();
    });
  }
}

/** Connections to one room, one of which sends to all of them. A broadcast counts when all of them got it. */
export class Broadcast extends Load {
  #inFlight;
  #send;

  static open(url, { sessions, inFlight, bytes }) {
    const load = new Broadcast();
    load.#inFlight = inFlight;
    // Each receiver gets the same messages; the number of receivers that still miss the oldest ones is counted by message number.
    const receivers = Array.from({ length: sessions }, () => new Numbered(bytes));
    const missing = [];
    load.#send = () => {
      const [text] = receivers.map((numbered) => numbered.next());
      missing.push(sessions);
      load.slice.begin();
      load.clients[0].send(text);
    };
    const received = (numbered) => (message) => {
      numbered.take(message);
      missing[missing.length - 1 - numbered.missing] -= 1;
      if (missing[0] !== 0) return;
      missing.shift();
      if (load.slice.finish()) load.#send();
    };
    const client = (n, opened) => openWebSocket(`${url}/broadcast`, load.listener(opened, received(receivers[n])));
    return load.opened(openAll(sessions, client));
  }

  run(ms) {
    return this.fill(new Slice({ ms, atLeast: 2 * this.#inFlight }), () => {
      for (let n = 0; n < this.#inFlight; n += 1) this.#send();
    });
  }
}

/** Sessions on WebSockets that are opened and closed properly, a fixed number at once. */
export class Openings extends Load {
  #url;
  #atOnce;

  static async open(url, { atOnce }) {
    const load = new Openings();
    load.#url = `${url}/echo`;
    load.#atOnce = atOnce;
    return load;
  }

  #openAndClose() {
    this.slice.begin();
    const ended = () => {
      if (this.slice.finish()) this.#openAndClose();
    };
    const client = openWebSocket(this.#url, { ...this.listener(() => client.end(), () => {}), ended });
  }

  run(ms) {
    return this.fill(new Slice({ ms, atLeast: 2 * this.#atOnce }), () => {
      for (let n = 0; n < this.#atOnce; n += 1) this.#openAndClose();
    });
  }
}

/** Connections on WebSockets that do nothing. */
export class Idle extends Load {
  static open(url, { service, sessions }) {
    const load = new Idle();
    return load.opened(openAll(sessions, (_, opened) => openWebSocket(`${url}/${service}`, load.listener(opened, () => {}))));
  }
}
