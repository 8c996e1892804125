// A slow network in front of a server: a TCP proxy in this process that delays all bytes and limits their rate. All its
// connections share one link. Each has only a small buffer; while that is full the proxy does not read, and TCP holds the sender
// back. While it does not read from a sender, it does not see a reset from there either. A link can also be shut: then the proxy
// reads nothing from its senders.

import { once } from "node:events";
import { connect, createServer } from "node:net";

/** Bytes that pass a link together, about a packet. */
const PIECE = 1_460;

/**
 * Starts a proxy for the server at `url` and resolves to its `SlowProxy`.
 *
 * @param owner ends the proxy: a test's context, or `{ after }` of node:test for a file
 * @param {object} [network]
 * @param {number} [network.roundTripMs] added to each round trip, half of it in each direction
 * @param {number} [network.up] bits a second to the server, of all connections together
 * @param {number} [network.down] bits a second to the clients
 * @param {number} [network.buffer] bytes that one direction of a connection may hold; a single read may bring 64 KiB more
 */
export async function startSlowProxy(owner, url, { roundTripMs = 0, up = Infinity, down = Infinity, buffer = 64 << 10 } = {}) {
  const delayMs = roundTripMs / 2;
  const proxy = new SlowProxy(url, { up: new Link(up, delayMs), down: new Link(down, delayMs), buffer });
  owner.after(() => proxy.stop());
  await proxy.start();
  return proxy;
}

class SlowProxy {
  #target;
  #buffer;
  #server;
  #sockets = new Set();
  #pipes = new Set();
  /** The links, whose `bitsPerSecond` and `delayMs` may be set at any time. */
  up;
  down;

  constructor(url, { up, down, buffer }) {
    const { hostname: host, port } = new URL(url);
    this.#target = { host, port: Number(port), allowHalfOpen: true, noDelay: true };
    this.#buffer = buffer;
    Object.assign(this, { up, down });
  }

  get url() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  /** Bytes that were read from one socket and that the other has not accepted yet. */
  get held() {
    return [...this.#pipes].reduce((sum, pipe) => sum + pipe.held, 0);
  }

  async start() {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  stop() {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(client) {
    const server = connect(this.#target);
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    }
    this.#join(client, server, this.up);
    this.#join(server, client, this.down);
  }

  #join(source, destination, link) {
    const pipe = new Pipe(source, destination, link, this.#buffer);
    this.#pipes.add(pipe);
    link.pipes.add(pipe);
    destination.on("close", () => {
      this.#pipes.delete(pipe);
      link.pipes.delete(pipe);
    });
  }
}

/** One direction of the network. Serves its senders in the order in which their bytes arrive. */
class Link {
  #freeAt = 0;
  #bitsPerSecond;
  isShut = false;
  pipes = new Set();

  constructor(bitsPerSecond, delayMs) {
    this.#bitsPerSecond = bitsPerSecond;
    this.delayMs = delayMs;
  }

  get bitsPerSecond() {
    return this.#bitsPerSecond;
  }

  /** Sets the speed, also of the bytes in flight. */
  set bitsPerSecond(bitsPerSecond) {
    const factor = Number.isFinite(this.#bitsPerSecond) ? this.#bitsPerSecond / bitsPerSecond : 1;
    this.#bitsPerSecond = bitsPerSecond;
    const now = performance.now();
    const rescale = (at) => (at > now ? now + (at - now) * factor : at);
    this.#freeAt = rescale(this.#freeAt);
    for (const pipe of this.pipes) pipe.rescale((due) => rescale(due - this.delayMs) + this.delayMs);
  }

  /** Takes that number of bytes, and returns the time at which the last of them arrives. */
  take(bytes) {
    this.#freeAt = Math.max(this.#freeAt, performance.now()) + (bytes * 8_000) / this.bitsPerSecond;
    return this.#freeAt + this.delayMs;
  }

  /** Reads nothing from the senders until `open`, not even on new connections. */
  shut() {
    this.isShut = true;
    for (const pipe of this.pipes) pipe.flow();
  }

  open() {
    this.isShut = false;
    for (const pipe of this.pipes) pipe.flow();
  }
}

/** One direction of a connection. */
class Pipe {
  #source;
  #destination;
  #link;
  #buffer;
  /** Pieces in flight as `{ due, arrive }`, in order. */
  #inFlight = [];
  #timer;
  held = 0;

  constructor(source, destination, link, buffer) {
    this.#source = source;
    this.#destination = destination;
    this.#link = link;
    this.#buffer = buffer;
    source.on("data", (data) => this.#read(data));
    source.on("end", () => this.#carry(0, () => destination.end()));
    source.on("error", () => this.#reset());
    destination.on("close", () => clearTimeout(this.#timer));
    this.flow();
  }

  /** Starts or stops reading from the sender. */
  flow() {
    if (this.#link.isShut || this.held >= this.#buffer) this.#source.pause();
    else this.#source.resume();
  }

  /** Changes the arrival times of the pieces in flight. */
  rescale(changed) {
    for (const piece of this.#inFlight) piece.due = changed(piece.due);
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#wait();
  }

  #read(data) {
    this.held += data.length;
    this.flow();
    for (let at = 0; at < data.length; at += PIECE) {
      const piece = data.subarray(at, at + PIECE);
      this.#carry(piece.length, () => this.#destination.write(piece, () => this.#taken(piece.length)));
    }
  }

  #taken(bytes) {
    this.held -= bytes;
    this.flow();
  }

  /** Forwards a reset. As in a network, bytes that were still in flight are lost. */
  #reset() {
    this.#inFlight = [];
    this.#carry(0, () => this.#destination.resetAndDestroy());
  }

  #carry(bytes, arrive) {
    if (this.#destination.destroyed) return;
    this.#inFlight.push({ due: this.#link.take(bytes), arrive });
    this.#wait();
  }

  #wait() {
    const [first] = this.#inFlight;
    if (first) this.#timer ??= setTimeout(() => this.#arrive(), first.due - performance.now());
  }

  #arrive() {
    this.#timer = undefined;
    // A timer may fire early.
    const now = performance.now();
    const at = this.#inFlight.findIndex(({ due }) => due > now);
    const arrived = this.#inFlight.splice(0, at < 0 ? Infinity : at);
    for (const { arrive } of arrived) arrive();
    this.#wait();
  }
}
