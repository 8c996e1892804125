// A session over any transport that receives all the time, like the stock client: when a response ends it opens the next one. The
// session in lazy-session.mjs receives only on request.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { WebSocket } from "ws";
import { TRANSPORTS as HTTP_TRANSPORTS } from "../protocol/transports.mjs";
import { until, within } from "../waiting/wait.mjs";
import { request } from "./http.mjs";
import { LazySession, sendingOf } from "./lazy-session.mjs";

export const TRANSPORTS = ["websocket", ...Object.keys(HTTP_TRANSPORTS)];
/** A WebSocket without frames of SockJS. */
export const RAW = "websocket-raw";

/** Limit for all messages of a test together, and for one send, which the server may hold for a minute. */
const LONG_MS = 120_000;

/**
 * Opens a session.
 *
 * @param {string} service URL of a service
 * @param {string} transport one of `TRANSPORTS`, or `RAW`
 * @param {object} [options]
 * @param {boolean} [options.isPaused] a polling session does not poll again before `resume`
 * @param {object} [options.socket] options of `ws`
 */
export async function openSession(owner, service, transport, { isPaused = false, socket = {} } = {}) {
  const session = newSession(service, transport, { isPaused, socket });
  owner.after(() => session.leave());
  await session.opened();
  return session;
}

function newSession(service, transport, { isPaused, socket }) {
  if (transport === RAW) return new RawSession(service, socket);
  if (transport === "websocket") return new SocketSession(`${service}/000/${randomUUID()}`, socket);
  return new HttpSession(service, transport, isPaused);
}

/** The body that sends these messages over a transport. */
export function bodyOf(transport, messages) {
  return sendingOf(transport).encode(JSON.stringify(messages));
}

class Session {
  frames = [];
  messages = [];
  /** Code and reason of the close, or the error that ended the session. */
  end;
  #isOpen = false;

  take(frame) {
    this.frames.push(frame);
    if (frame === "o") this.#isOpen = true;
    if (frame.startsWith("c")) this.end ??= JSON.parse(frame.slice(1));
    if (!frame.startsWith("a")) return;
    for (const message of JSON.parse(frame.slice(1))) this.messages.push(message);
  }

  opened() {
    return this.#until(() => this.#isOpen, () => "the open frame");
  }

  /** Waits for this many messages, and returns them. */
  async received(count) {
    await this.#until(() => this.messages.length >= count, () => `message ${this.messages.length} of ${count}`);
    return this.messages.slice(0, count);
  }

  /** Waits for the end of the session, and returns code and reason. */
  closed() {
    return until(() => this.end, "the close frame", LONG_MS);
  }

  async #until(isMet, missing) {
    const ask = () => {
      if (isMet()) return true;
      if (this.end) throw new Error(`the session ended: ${this.end}`);
    };
    try {
      await until(ask, "it", LONG_MS);
    } catch (error) {
      throw new Error(`${missing()} did not come: ${error.message}`, { cause: error });
    }
  }
}

class HttpSession extends Session {
  #transport;
  #receiver;
  #resumed = Promise.withResolvers();

  constructor(service, transport, isPaused) {
    super();
    this.#transport = transport;
    this.#receiver = new LazySession({ after() {} }, service, transport);
    this.#receive().catch((error) => (this.end ??= [error.message]));
    if (!isPaused) this.resume();
  }

  get url() {
    return this.#receiver.url;
  }

  /** Polls again. */
  resume() {
    this.#resumed.resolve();
  }

  /** Sends messages in one body. Resolves when the server accepted them. */
  async send(messages) {
    const { status, body } = await this.post(bodyOf(this.#transport, messages));
    assert.deepEqual([status, body], sendingOf(this.#transport).taken);
  }

  /** Sends a body, and resolves to the response. */
  post(body, headers) {
    const { path, type } = sendingOf(this.#transport);
    const options = { method: "POST", headers: { "Content-Type": type, ...headers }, body, ms: LONG_MS };
    return request(`${this.url}/${path}`, options);
  }

  leave() {
    this.end ??= ["the client left"];
    this.#receiver.stop();
  }

  /** Reads one response after the other, until the session is closed. */
  async #receive() {
    await this.#respond();
    await this.#resumed.promise;
    while (!this.end) await this.#respond();
  }

  async #respond() {
    // A test may shut the network for as long as it likes.
    for await (const frame of await this.#receiver.respond(Infinity)) this.take(frame);
  }
}

class SocketSession extends Session {
  socket;

  constructor(url, options) {
    super();
    this.url = url;
    this.socket = new WebSocket(`${url.replace(/^http/, "ws")}/websocket`, { perMessageDeflate: false, ...options });
    this.socket.on("message", (data) => this.take(data.toString()));
    this.socket.on("error", (error) => (this.end ??= [error.message]));
    this.socket.on("close", (code, reason) => (this.end ??= [code, reason.toString()]));
  }

  /** Sends messages in one WebSocket message. */
  async send(messages) {
    this.socket.send(bodyOf("websocket", messages));
  }

  /** Sends each message in a WebSocket message of its own, all in one write. */
  sendApart(messages) {
    this.socket._socket.cork();
    for (const message of messages) this.socket.send(this.wrap(message));
    this.socket._socket.uncork();
  }

  /** Returns the WebSocket message that sends one message. */
  wrap(message) {
    return bodyOf("websocket", [message]);
  }

  /** Stops reading, so that data from the server piles up. */
  pause() {
    this.socket.pause();
  }

  resume() {
    this.socket.resume();
  }

  leave() {
    this.end ??= ["the client left"];
    this.socket.terminate();
  }
}

/** Messages without frames, each a WebSocket message of its own. */
class RawSession extends SocketSession {
  opened() {
    return within(once(this.socket, "open"), "a raw WebSocket");
  }

  take(message) {
    this.messages.push(message);
  }

  async send(messages) {
    this.sendApart(messages);
  }

  wrap(message) {
    return message;
  }
}
