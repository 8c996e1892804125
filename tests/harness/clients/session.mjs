// A session over any HTTP transport, on raw sockets, that receives frame by frame and checks the framing of each. For a test, a
// stream and a polling session behave alike.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { TRANSPORTS } from "../protocol/transports.mjs";
import { request, start } from "./http.mjs";

export class Session {
  /** Number of receivers so far. */
  receivers = 0;
  #owner;
  #transport;
  #receiver;

  /**
   * @param owner ends its connections
   * @param {string} service URL of a service
   * @param {string} segment key of `TRANSPORTS`
   * @param {string} [id] of a session that is there already, received from over another transport
   */
  constructor(owner, service, segment, id = randomUUID()) {
    this.id = id;
    this.#owner = owner;
    this.#transport = TRANSPORTS[segment];
    this.url = `${service}/000/${this.id}`;
    this.receiveUrl = `${this.url}/${segment}${this.#transport.query ?? ""}`;
  }

  /** Opens a new receiver, with its response unread. */
  async startReceiver(headers) {
    const { method } = this.#transport;
    const connection = await start(this.receiveUrl, { method, headers });
    this.#owner.after(() => connection.close());
    this.receivers++;
    return new Receiver(connection, this.#transport);
  }

  /** Opens a new receiver, and reads the head and the prelude. A poll only has a head while it waits. */
  async openReceiver(headers) {
    const receiver = await this.startReceiver(headers);
    await receiver.begin();
    return receiver;
  }

  /** Reads the next frame, unwrapped. Opens receivers like the stock client: a new one as soon as the last has ended. */
  async next(ms) {
    for (;;) {
      this.#receiver ??= await this.openReceiver();
      const frame = await this.#receiver.frame(ms);
      if (frame === null || this.#transport.oneFrame) {
        if (frame !== null) assert.equal(await this.#receiver.chunk(), null);
        this.#receiver.connection.close();
        this.#receiver = undefined;
      }
      if (frame !== null) return frame;
    }
  }

  /** Reads the next frame that is not a heartbeat. */
  async nextMessages() {
    let frame;
    do frame = await this.next();
    while (frame === "h");
    return frame;
  }

  /** Returns the current receiver for `next`, and opens one if there is none. */
  async receiver() {
    this.#receiver ??= await this.openReceiver();
    return this.#receiver;
  }

  async send(...messages) {
    assert.equal((await this.post("xhr_send", JSON.stringify(messages))).status, 204);
  }

  /** Makes one sending request. */
  post(segment, body, headers) {
    return request(`${this.url}/${segment}`, { method: "POST", body, headers });
  }
}

class Receiver {
  #transport;
  #rest;

  constructor(connection, transport) {
    this.connection = connection;
    this.#transport = transport;
  }

  async begin(ms) {
    this.head = await this.connection.head(ms);
    assert.equal(this.head.status, 200);
    if (this.#transport.prelude !== null) assert.equal(await this.chunk(ms), this.#transport.prelude);
    return this;
  }

  /** Reads the next chunk of the body; null at its end. A body of known length, which was ready at once, counts as one chunk. */
  async chunk(ms) {
    if (this.head.headers["transfer-encoding"] === "chunked") return this.connection.chunk(ms);
    this.#rest ??= [await this.connection.body(ms), null];
    return this.#rest.shift();
  }

  /** Reads the whole response, if it is ready. */
  async whole() {
    await this.connection.head();
    return this.connection.body();
  }

  /**
   * Reads the next frame, which must be a chunk of its own in its framing, or several if it is large; null at the end, or if a
   * poll got none.
   */
  async frame(ms) {
    let chunk;
    // To test whether a client of JSONP is still there, the server sends a line end, which a script ignores.
    do chunk = await this.chunk(ms);
    while (chunk === "\n");
    if (chunk === null || chunk === "") return null;
    const [, end] = around(this.#transport);
    while (!chunk.endsWith(end)) {
      const piece = await this.chunk(ms);
      assert.notEqual(piece, null, "the response ends within a frame");
      chunk += piece;
    }
    return unwrap(chunk, this.#transport);
  }
}

/** Returns the text before a frame, and the text after it. */
const around = ({ wrap }) => wrap("\0").split(/"?(?:\0|\\u0000)"?/);

/** Returns the frame in a chunk, which must have exactly the framing of the transport. */
function unwrap(chunk, transport) {
  const { wrap } = transport;
  const [before, after] = around(transport);
  const inside = chunk.slice(before.length, chunk.length - after.length);
  const frame = /^"/.test(inside) ? JSON.parse(inside) : inside.replaceAll("%25", "%");
  assert.equal(chunk, wrap(frame));
  return frame;
}
