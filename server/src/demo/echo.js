// A connection to the echo, which measures round trips and knows what became of its messages.

import { Connection } from "./connection.js";

const RESTART = "/restart";
const CLOSE = "/close";
/** No new ping while so many are on their way. */
const PINGS_MAX = 3;
/** When to ask the new object for its name, if nothing else does. */
const ASK_AGAIN_MS = 600;
const TRIPS_MAX = 60;

export class Echo extends Connection {
  sent = 0;
  received = 0;
  lost = 0;
  /** Restarts of the object that this session lived through. */
  restarts = 0;
  /** Of the last round trips, in milliseconds. */
  trips = [];
  /** The name that the object gave itself when it was made. */
  object = "";
  #underway = [];
  #pings = 0;
  #isRestarting = false;

  constructor(url, transport) {
    super(url, transport);
    this.onmessage = (data) => this.#receive(data);
  }

  // For whoever is interested, beside those of the connection.
  ontrip() {}
  onecho() {}
  /** What happened, and to what. */
  onnote() {}

  connect() {
    this.lost += this.#underway.length;
    this.#underway = [];
    this.#isRestarting = false;
    this.restarts = 0;
    this.object = "";
    super.connect();
  }

  say(text) {
    if (!this.send(text)) return;
    if (text === RESTART || text === CLOSE) return;
    this.sent += 1;
    this.#underway.push({ text, at: performance.now() });
  }

  ping() {
    if (this.#underway.length < PINGS_MAX) this.say(`ping ${(this.#pings += 1)}`);
  }

  restart() {
    this.say(RESTART);
  }

  askToClose() {
    this.say(CLOSE);
  }

  #receive(data) {
    const at = this.#underway.findIndex(({ text }) => text === data);
    if (at >= 0) return this.#returned(at);
    if (data === "* restarting") {
      this.#isRestarting = true;
      this.onstep("restart");
      this.onnote("the object restarts", `Object ${this.object}`);
      setTimeout(() => this.#isRestarting && this.ping(), ASK_AGAIN_MS);
    } else if (data === "* not restarted") {
      this.onnote("restarts once in two seconds at most", `Object ${this.object}`);
    } else if (data.startsWith("* object ")) {
      this.#meet(data.slice("* object ".length));
    }
  }

  #returned(at) {
    const [{ text, at: since }] = this.#underway.splice(at, 1);
    // Messages keep their order: those before it do not come any more.
    this.lost += at;
    this.#underway.splice(0, at);
    this.received += 1;
    this.onstep("message");
    this.trips.push(performance.now() - since);
    if (this.trips.length > TRIPS_MAX) this.trips.shift();
    this.ontrip();
    if (!text.startsWith("ping ")) this.onecho(text);
  }

  /** The object says its name when it is new to it that there is this connection. */
  #meet(object) {
    if (this.object && this.#isRestarting) {
      this.restarts += 1;
      this.onnote("the session lives on in a new object", `Object ${object}`, "good");
    } else if (this.object) {
      this.onnote("the object slept and woke up, the session lives on", `Object ${object}`, "good");
    }
    this.#isRestarting = false;
    this.object = object;
  }
}
