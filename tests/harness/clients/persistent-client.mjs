// A client over any HTTP transport that reads on whatever happens: when its response is cut it asks again. (The stock
// client does so only where a response ends well, as it does when nothing but the object dies.)

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { within } from "../waiting/wait.mjs";
import { request } from "./http.mjs";
import { Reader } from "./reader.mjs";
import { Session } from "./session.mjs";

/** Between two attempts to reach a server that is just being started again. */
const AGAIN_MS = 20;
/** A stream may be silent for long: each test says what it waits for. */
const SILENCE_MS = 120_000;
/** A request may take the 45 s after which the Worker of a cluster gives an object up, on a busy machine. */
const ANSWER_MS = 60_000;

/** For a response that has an end. */
const RESPONSE_MS = 30_000;

const PLAIN = { "Content-Type": "text/plain" };

export class PersistentClient extends Reader {
  /** Responses that were cut, or could not be had. */
  cuts = 0;
  #owner;
  #session;
  #segment;
  #stopped = false;
  #connection;
  #isAttached = false;

  /**
   * A session that is not opened yet: its first response opens it.
   *
   * @param {string} service URL of a service
   * @param {string} segment last segment of the transport's path
   * @param {string} [id] of a session that is open already
   */
  constructor(owner, service, segment, id) {
    super();
    this.#owner = owner;
    this.#segment = segment;
    this.#session = new Session(owner, service, segment, id);
  }

  get id() {
    return this.#session.id;
  }

  /** Responses that were begun. */
  get responses() {
    return this.#session.receivers;
  }

  /** Opens the session, and reads on. */
  async open() {
    this.readOn();
    await this.readsFrame("o");
  }

  /** Reads from now on until the owner ends, or until `leave`. */
  readOn() {
    this.#owner.after(() => this.leave());
    this.#readAll().catch((error) => this.fail(error));
  }

  /** Leaves at once, in the middle of whatever is read; of a reset the Worker hears at once, too. */
  leave() {
    this.#stopped = true;
    this.#connection?.reset();
  }

  async #readAll() {
    while (!this.#stopped) {
      try {
        await this.#readResponse();
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
        this.cuts += 1;
        await sleep(AGAIN_MS);
      }
    }
  }

  /** Waits until a response has begun that is not over: of a poll, one that waits on an inner socket. */
  attached() {
    return this.when(() => this.#isAttached, "a response to begin");
  }

  /** Reads one response to its end. */
  readResponse() {
    return within(this.#readResponse(), "the end of a response", RESPONSE_MS);
  }

  async #readResponse() {
    const receiver = await this.#session.startReceiver();
    this.#connection = receiver.connection;
    try {
      await receiver.begin(SILENCE_MS);
      this.#isAttached = true;
      await this.#readFrames(receiver);
    } finally {
      this.#isAttached = false;
    }
  }

  async #readFrames(receiver) {
    for (let frame; (frame = await receiver.frame(SILENCE_MS)) !== null; ) {
      if (this.#stopped) return;
      this.take(frame, this.responses);
    }
    receiver.connection.close();
  }

  /** Sends messages; resolves to the status, 204 if they were taken, or to "cut" if there was no answer. */
  async send(...messages) {
    const body = JSON.stringify(messages);
    const isJsonp = this.#segment === "jsonp";
    const url = `${this.#session.url}/${isJsonp ? "jsonp_send" : "xhr_send"}`;
    try {
      const { status } = await request(url, { method: "POST", headers: PLAIN, body, ms: ANSWER_MS });
      return isJsonp && status === 200 ? 204 : status;
    } catch {
      return "cut";
    }
  }
}
