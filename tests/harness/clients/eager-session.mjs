// A session over one transport. It receives all the time, as the stock client does: when a response ends it opens the next.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { request as startRequest } from "node:http";
import { WebSocket } from "ws";
import { request } from "./http.mjs";
import { until } from "../waiting/wait.mjs";

/** How the HTTP transports receive: the request, what ends a frame, and how it is unwrapped. */
const RECEIVERS = {
  xhr_streaming: { method: "POST", path: "xhr_streaming", end: "\n", unwrap: (line) => line },
  eventsource: { method: "GET", path: "eventsource", end: "\r\n\r\n", unwrap: eventData },
  htmlfile: { method: "GET", path: "htmlfile?c=callback", end: "</script>\r\n", unwrap: (script) => argument(script, "\np(") },
  xhr: { method: "POST", path: "xhr", end: "\n", unwrap: (line) => line },
  jsonp: { method: "GET", path: "jsonp?c=callback", end: "\r\n", unwrap: (script) => argument(script, "callback(") },
};

export const TRANSPORTS = ["websocket", ...Object.keys(RECEIVERS)];

/** Limit for all messages of a test together, and for one send, which the server may hold for a minute. */
const LONG_MS = 120_000;

/**
 * Opens a session.
 *
 * @param {string} service URL of a service
 * @param {string} transport one of `TRANSPORTS`
 * @param {object} [options]
 * @param {boolean} [options.isPaused] a polling session does not poll again before `resume`
 * @param {object} [options.socket] options of `ws`
 */
export async function openSession(owner, service, transport, { isPaused = false, socket = {} } = {}) {
  const url = `${service}/000/${randomUUID()}`;
  const session = transport === "websocket" ? new SocketSession(url, socket) : new HttpSession(url, transport, isPaused);
  owner.after(() => session.leave());
  await session.opened();
  return session;
}

/** The body that sends these messages over a transport. */
export function bodyOf(transport, messages) {
  const json = JSON.stringify(messages);
  return transport === "jsonp" ? `d=${encodeURIComponent(json)}` : json;
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

  /** Waits until so many messages came, and returns them. */
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

  constructor(url, transport, isPaused) {
    super();
    this.url = url;
    this.#transport = transport;
    this.#receive().catch((error) => (this.end ??= [error.message]));
    if (!isPaused) this.resume();
  }

  /** Polls again. */
  resume() {
    this.#resumed.resolve();
  }

  /** Sends messages in one body. Resolves when the server accepted them. */
  async send(messages) {
    const { status, body } = await this.post(bodyOf(this.#transport, messages));
    assert.deepEqual([status, body], this.#transport === "jsonp" ? [200, "ok"] : [204, ""]);
  }

  /** Sends a body, and resolves to the response. */
  post(body, headers) {
    const isForm = this.#transport === "jsonp";
    const type = isForm ? "application/x-www-form-urlencoded" : "text/plain";
    const options = { method: "POST", headers: { "Content-Type": type, ...headers }, body, ms: LONG_MS };
    return request(`${this.url}/${isForm ? "jsonp_send" : "xhr_send"}`, options);
  }

  leave() {
    this.end ??= ["the client left"];
    this.#receiver?.destroy();
  }

  /** Reads one response after the other, until the session is closed. */
  async #receive() {
    await this.#respond();
    await this.#resumed.promise;
    while (!this.end) await this.#respond();
  }

  async #respond() {
    const { method, path, end, unwrap } = RECEIVERS[this.#transport];
    this.#receiver = startRequest(`${this.url}/${path}`, { method, agent: false });
    this.#receiver.end();
    const [response] = await once(this.#receiver, "response");
    if (response.statusCode !== 200) throw new Error(`${path} was answered ${response.statusCode}`);
    let unread = [];
    for await (const chunk of response.setEncoding("utf8")) {
      unread.push(chunk);
      if (!chunk.includes("\n")) continue;
      const wrapped = unread.join("").split(end);
      unread = [wrapped.pop()];
      for (const frame of wrapped) this.take(unwrap(frame));
    }
  }
}

class SocketSession extends Session {
  #socket;

  constructor(url, options) {
    super();
    this.url = url;
    this.#socket = new WebSocket(`${url.replace(/^http/, "ws")}/websocket`, { perMessageDeflate: false, ...options });
    this.#socket.on("message", (data) => this.take(data.toString()));
    this.#socket.on("error", (error) => (this.end ??= [error.message]));
    this.#socket.on("close", (code, reason) => (this.end ??= [code, reason.toString()]));
  }

  /** Sends messages in one WebSocket message. */
  async send(messages) {
    this.#socket.send(bodyOf("websocket", messages));
  }

  /** Sends each message in a WebSocket message of its own, all in one write. */
  sendApart(messages) {
    this.#socket._socket.cork();
    for (const message of messages) this.#socket.send(bodyOf("websocket", [message]));
    this.#socket._socket.uncork();
  }

  /** Stops reading, so that what the server sends piles up. */
  pause() {
    this.#socket.pause();
  }

  resume() {
    this.#socket.resume();
  }

  leave() {
    this.end ??= ["the client left"];
    this.#socket.terminate();
  }
}

function eventData(event) {
  return decodeURI(/data: ?(.*)$/.exec(event)?.[1] ?? "");
}

/** The string in a script's call of a function. */
function argument(script, call) {
  const from = script.indexOf(call);
  return from === -1 ? "" : JSON.parse(script.slice(from + call.length, script.lastIndexOf(");")));
}
