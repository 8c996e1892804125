// A session over HTTP that receives only while it is told to, and sends one body after the other.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { request as startRequest } from "node:http";
import { within } from "../waiting/wait.mjs";

/** Receiving requests of each transport; `unwrap` takes a line of the body and returns the frame in it. */
const RECEIVERS = {
  "xhr-polling": { method: "POST", path: "xhr", unwrap: (line) => line },
  "xhr-streaming": { method: "POST", path: "xhr_streaming", unwrap: (line) => line },
  "jsonp-polling": {
    method: "GET",
    path: "jsonp?c=callback",
    unwrap: (line) => JSON.parse(/^\/\*\*\/callback\((".*")\);\r$/.exec(line)?.[1] ?? '""'),
  },
};
const XHR_SEND = { path: "xhr_send", type: "text/plain", encode: (json) => json, taken: 204 };
const JSONP_SEND = {
  path: "jsonp_send",
  type: "application/x-www-form-urlencoded",
  encode: (json) => `d=${encodeURIComponent(json)}`,
  taken: 200,
};

/** Most requests of one session: more than any needs here, so that a client that gets nothing fails in the end. */
const MOST_REQUESTS = 50_000;

export class HttpSession {
  #url;
  #receiver;
  #send;
  #requests = new Set();
  #isOver = false;

  /**
   * @param owner its requests end with this one
   * @param {string} service URL of a service, such as http://127.0.0.1:1234/echo
   */
  constructor(owner, service, transport) {
    this.#url = `${service}/000/${randomUUID()}`;
    this.#receiver = RECEIVERS[transport];
    this.#send = transport === "jsonp-polling" ? JSONP_SEND : XHR_SEND;
    owner.after(() => this.stop());
  }

  /** Opens the session and resolves to the frames of its first response, read up to the open frame. */
  async open() {
    const frames = await this.#respond();
    const opened = async () => {
      for (;;) {
        const { value, done } = await frames.next();
        assert.ok(!done, "the open frame");
        if (value === "o") return frames;
      }
    };
    return within(opened(), "the open frame");
  }

  /**
   * Receives messages and passes each to `take`: first those in `frames`, then those of one response after the other. Ends with
   * a close frame, and resolves to it as `[code, reason]`, or when `isEnough` returns true.
   */
  async receive(frames, take, isEnough = () => false) {
    for (let requests = 0; requests < MOST_REQUESTS && !this.#isOver; requests += 1) {
      for await (const frame of frames) {
        if (frame.startsWith("c[")) return JSON.parse(frame.slice(1));
        if (frame === "o") throw new Error("the server lost the session, and opened another");
        if (frame.startsWith("a[")) JSON.parse(frame.slice(1)).forEach(take);
        if (isEnough()) return undefined;
      }
      frames = await this.#respond();
    }
    throw new Error("the session was neither closed nor complete");
  }

  /** Sends messages, given as JSON. Resolves to the status, and to whether it says that they were taken. */
  async send(json, ms) {
    const { path, type, encode, taken } = this.#send;
    const body = Buffer.from(encode(json));
    const response = await this.#request("POST", path, { "Content-Type": type, "Content-Length": body.length }, body, ms);
    const { statusCode: status } = response.resume();
    return { isTaken: status === taken, status };
  }

  /** Ends all its requests. */
  stop() {
    this.#isOver = true;
    for (const request of this.#requests) request.destroy();
  }

  async #respond() {
    const { method, path, unwrap } = this.#receiver;
    // A poll is answered after a heartbeat at the latest.
    return framesOf(await this.#request(method, path, {}, "", 60_000), unwrap);
  }

  async #request(method, path, headers, body, ms) {
    const request = startRequest(`${this.#url}/${path}`, { method, headers, agent: false });
    this.#requests.add(request);
    request.on("close", () => this.#requests.delete(request));
    const responded = once(request, "response");
    request.end(body);
    const [response] = await within(responded, `the answer to ${path}`, ms);
    request.on("error", () => {}); // of a body that the server does not want any more
    return response;
  }
}

/** Yields the frames of a response, which is read only as far as they are taken. One that breaks off just ends. */
async function* framesOf(response, unwrap) {
  let unread = [];
  try {
    for await (const chunk of response.setEncoding("utf8")) {
      unread.push(chunk);
      if (!chunk.includes("\n")) continue;
      const lines = unread.join("").split("\n");
      unread = [lines.pop()];
      for (const line of lines) yield unwrap(line);
    }
  } catch (error) {
    if (error.code !== "ECONNRESET") throw error;
  }
}
