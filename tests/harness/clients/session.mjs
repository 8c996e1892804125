// A session over any HTTP transport, on raw sockets, that receives frame by frame and checks the wrapping of each: one that reads
// a stream and one that polls look alike to a test.

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
   * @param owner what its connections end with
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

  /** A new receiver, nothing read of its response. */
  async startReceiver(headers) {
    const { method } = this.#transport;
    const connection = await start(this.receiveUrl, { method, headers });
    this.#owner.after(() => connection.close());
    this.receivers++;
    return new Receiver(connection, this.#transport);
  }

  /** A new receiver of which the head and the prelude are read. For a poll that is only there if it waits. */
  async openReceiver(headers) {
    const receiver = await this.startReceiver(headers);
    await receiver.begin();
    return receiver;
  }

  /** The next frame, unwrapped; it opens receivers as the stock client does: one as soon as the last has ended. */
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

  /** The next frame that is no heartbeat. */
  async nextMessages() {
    let frame;
    do frame = await this.next();
    while (frame === "h");
    return frame;
  }

  /** The receiver that `next` reads from, and goes on with: made if there is none. */
  async receiver() {
    this.#receiver ??= await this.openReceiver();
    return this.#receiver;
  }

  async send(...messages) {
    assert.equal((await this.post("xhr_send", JSON.stringify(messages))).status, 204);
  }

  /** One sending request, as it is. */
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

  /** The next chunk of the body; null at its end. What was ready at once has a length and is one chunk here, too. */
  async chunk(ms) {
    if (this.head.headers["transfer-encoding"] === "chunked") return this.connection.chunk(ms);
    this.#rest ??= [await this.connection.body(ms), null];
    return this.#rest.shift();
  }

  /** The whole response, for one that is ready. */
  async whole() {
    await this.connection.head();
    return this.connection.body();
  }

  /**
   * The next frame, which must be a chunk of its own in its wrapping, or several if it is large; null at the end, or if a poll
   * got none.
   */
  async frame(ms) {
    let chunk;
    // A line end, which a script ignores, is how the server asks whether a client of JSONP is still there.
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

/** Returns the frame in a wrapping, which must be exactly that of the transport. */
function unwrap(chunk, transport) {
  const { wrap } = transport;
  const [before, after] = around(transport);
  const inside = chunk.slice(before.length, chunk.length - after.length);
  const frame = /^"/.test(inside) ? JSON.parse(inside) : inside.replaceAll("%25", "%");
  assert.equal(chunk, wrap(frame));
  return frame;
}
