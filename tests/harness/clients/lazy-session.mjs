// A session over HTTP that receives only on request: it reads a response no further than its frames are taken, and sends one body
// after the other. The session in eager-session.mjs receives all the time.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { request as startRequest } from "node:http";
import { TRANSPORTS, frameReader, receivePath } from "../protocol/transports.mjs";
import { within } from "../waiting/wait.mjs";

const XHR_SEND = { path: "xhr_send", type: "text/plain", encode: (json) => json, taken: [204, ""] };
const JSONP_SEND = {
  path: "jsonp_send",
  type: "application/x-www-form-urlencoded",
  encode: (json) => `d=${encodeURIComponent(json)}`,
  taken: [200, "ok"],
};

/** Returns path, Content-Type and encoding of a send request, and status and body of an accepting response. */
export const sendingOf = (segment) => (segment === "jsonp" ? JSONP_SEND : XHR_SEND);

/** Most requests of one session. No test needs as many, so that a client without progress fails in the end. */
const MOST_REQUESTS = 50_000;

/** Limit for the head of a response: a poll is answered after a heartbeat at the latest. */
const HEAD_MS = 60_000;

export class LazySession {
  #segment;
  #requests = new Set();
  #isOver = false;

  /**
   * @param owner ends the requests of the session
   * @param {string} service URL of a service, such as http://127.0.0.1:1234/echo
   * @param {string} segment key of `TRANSPORTS`
   */
  constructor(owner, service, segment) {
    this.url = `${service}/000/${randomUUID()}`;
    this.#segment = segment;
    owner.after(() => this.stop());
  }

  /** Opens the session and resolves to the frames of its first response, read up to the open frame. */
  async open() {
    const frames = await this.respond();
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
   * Receives messages and passes each to `take`: first those in `frames`, then those of one response after the other. Ends with a
   * close frame, and resolves to it as `[code, reason]`, or ends when `isEnough` returns true. A response that breaks off counts
   * as over.
   */
  async receive(frames, take, isEnough = () => false) {
    for (let requests = 0; requests < MOST_REQUESTS && !this.#isOver; requests += 1) {
      try {
        for await (const frame of frames) {
          if (frame.startsWith("c[")) return JSON.parse(frame.slice(1));
          if (frame === "o") throw new Error("the server lost the session, and opened another");
          if (frame.startsWith("a[")) JSON.parse(frame.slice(1)).forEach((message) => take(message));
          if (isEnough()) return undefined;
        }
      } catch (error) {
        if (error.code !== "ECONNRESET") throw error;
      }
      frames = await this.respond();
    }
    throw new Error("the session was neither closed nor complete");
  }

  /** Begins one receive request. Resolves to an iterator over the frames of its response. */
  async respond(ms = HEAD_MS) {
    const path = receivePath(this.#segment);
    const response = await this.#request(TRANSPORTS[this.#segment].method, path, {}, "", ms);
    if (response.statusCode !== 200) throw new Error(`${path} was answered ${response.statusCode}`);
    return framesOf(response, this.#segment);
  }

  /** Sends messages, given as JSON. Resolves to the status, and to true if the response accepts them. */
  async send(json, ms) {
    const { path, type, encode, taken } = sendingOf(this.#segment);
    const body = Buffer.from(encode(json));
    const response = await this.#request("POST", path, { "Content-Type": type, "Content-Length": body.length }, body, ms);
    const { statusCode: status } = response.resume();
    return { isTaken: status === taken[0], status };
  }

  /** Ends all requests of the session. */
  stop() {
    this.#isOver = true;
    for (const request of this.#requests) request.destroy();
  }

  async #request(method, path, headers, body, ms) {
    const request = startRequest(`${this.url}/${path}`, { method, headers, agent: false });
    this.#requests.add(request);
    request.on("close", () => this.#requests.delete(request));
    const responded = once(request, "response");
    request.end(body);
    const [response] = await within(responded, `the answer to ${path}`, ms);
    request.on("error", () => {}); // for a body that the server no longer reads
    return response;
  }
}

/** Yields the frames of a response, which is read only as far as they are taken. */
async function* framesOf(response, segment) {
  const read = frameReader(segment);
  for await (const chunk of response.setEncoding("utf8")) yield* read(chunk);
}
