// sockjs-node's API: servers, and connections as streams.

import { SockJs, register, worker } from "./application.js";
import { Emitter } from "./emitter.js";
import { SendError } from "./errors.js";
import { checkClose } from "./handle.js";

/** Options of sockjs-node that have another meaning here, or none. */
const ABSENT = {
  faye_server_options: "there is no faye-websocket here; subprotocols are the option websocket_protocols",
  transports_whitelist: "list the transports that you offer in the option transports",
};
/** Pause between empty calls that keep the object in memory: the runtime evicts it after ten seconds without any. */
const RESIDENT_MS = 5_000;
/** Limit of the data in JavaScript that waits for a client that does not read, beyond `queue_limit`, in UTF-16 code units. */
const WAITING_MAX = 4 << 20;
/** Size that each message counts in addition to its text. */
const MESSAGE_COST = 64;
/** Code and reason of the close when the limit is exceeded. */
const TOO_SLOW = [3013, "Too slow"];
/** `readyState` of a stream that is over. */
const CLOSED = 3;

/** Creates a server, like sockjs-node's function of that name. */
export function createServer(options = {}) {
  return new Server(options);
}

export class Server extends Emitter {
  #options;

  constructor(options) {
    super();
    this.#options = options;
  }

  /**
   * Serves the connections below `options.prefix`. A Worker has no http server to install on: `http_server` may be omitted or
   * null.
   */
  installHandlers(http_server, options) {
    const isServer = (value) => typeof value?.listen === "function" || typeof value?.addListener === "function";
    if (isServer(http_server)) {
      throw new TypeError('a Worker has no http server: call installHandlers({ prefix: "/echo" }), and export SockJs and worker');
    }
    const { prefix = "", hibernate = false, placement = "room", log, ...rest } = { ...this.#options, ...http_server, ...options };
    for (const [name, advice] of Object.entries(ABSENT)) {
      if (rest[name] !== undefined && rest[name] !== null) throw new TypeError(`option ${name}: ${advice}`);
    }
    for (const name of Object.keys(ABSENT)) delete rest[name];
    if (typeof rest.jsessionid === "function") throw new TypeError("option jsessionid: only true and false; a Worker's cookie is always JSESSIONID=dummy");
    // In sockjs-node `log` is a function that receives the lines. Here the runtime logs them, from a level on.
    const level = typeof log === "string" ? { log } : {};
    register(prefix, {
      options: { ...rest, ...level, placement },
      create: () => new Streams(this, hibernate),
    });
    return this;
  }

  /** Exports of the module: the class of the objects, and the Worker. */
  get exports() {
    return { SockJs, worker };
  }

  /** Closes a connection whose "connection" listener failed. */
  failed_(error, [stream]) {
    stream?.failed_?.(error);
  }
}

/**
 * The latest streams of each object, by its name. The runtime reports no end of an instance, so the next instance ends the streams of
 * the one before. The references are weak, because streams that the application does not keep need no end.
 */
const latest = new Map();
/** Before the compatibility date 2025-05-05 the runtime has no weak references. */
const Reference =
  globalThis.WeakRef ??
  class {
    constructor(value) {
      this.deref = () => value;
    }
  };
const collected =
  globalThis.FinalizationRegistry &&
  new FinalizationRegistry((object) => {
    if (latest.get(object)?.deref() === undefined) latest.delete(object);
  });

/** The handler of a server in one object: its connections as streams. */
class Streams {
  #server;
  #hibernates;
  #streams = new Map();
  #resident;
  /** Name of the object, while it has streams. */
  #object;
  /** Connections that were present at the start, until their "connection" is emitted. */
  #present = [];

  constructor(server, hibernates) {
    this.#server = server;
    this.#hibernates = hibernates;
  }

  /** A connection that is present at the start was opened before the object restarted or hibernated, or in this very event. */
  onStart(room) {
    this.#present = [...room.connections()];
    // An alarm may have woken the object, and then no other event follows.
    if (this.#present.length > 0) setTimeout(() => this.#resume(), 0);
  }

  onOpen(connection) {
    this.#resume(connection);
    this.#streamOf(connection, false);
  }

  onReturn(connection) {
    this.#resume();
    this.#streamOf(connection, true);
  }

  onMessage(connection, message) {
    this.#resume();
    return this.#streamOf(connection, true).take_(message);
  }

  onClose(connection) {
    this.#resume();
    const stream = this.#streamOf(connection, true);
    this.#streams.delete(connection);
    if (this.#streams.size === 0) this.#leave();
    stream.end_();
  }

  /** Only for the package: ends all streams, because another instance of the object has their connections. */
  abandon_() {
    this.#leave();
    for (const stream of this.#streams.values()) stream.abandon_();
  }

  /** Emits "connection" for those that were present at the start, before any other event: the application's list is then complete. */
  #resume(opening) {
    const present = this.#present;
    this.#present = [];
    for (const connection of present) {
      if (connection === opening) continue;
      try {
        if (connection.readyState === 1) this.#streamOf(connection, true);
      } catch (error) {
        connection.fail_(error);
      }
    }
  }

  /** Ends the streams of the instance before, when this one gets its first. */
  #enter({ id, address }) {
    if (this.#object !== undefined || address === undefined) return;
    const object = address.slice(id.length);
    const before = latest.get(object)?.deref();
    latest.set(object, new Reference(this));
    collected?.register(this, object, this);
    this.#object = object;
    before?.abandon_();
  }

  #leave() {
    clearInterval(this.#resident);
    this.#resident = undefined;
    collected?.unregister(this);
    if (latest.get(this.#object)?.deref() === this) latest.delete(this.#object);
    this.#object = undefined;
  }

  #streamOf(connection, resumed) {
    const known = this.#streams.get(connection);
    if (known !== undefined) return known;
    this.#enter(connection);
    const stream = new ConnectionStream(connection, resumed, this);
    this.#streams.set(connection, stream);
    if (!this.#hibernates) this.#resident ??= setInterval(() => {}, RESIDENT_MS);
    this.#server.emit("connection", stream);
    return stream;
  }
}

/** A connection with sockjs-node's interface. */
class ConnectionStream extends Emitter {
  #connection;
  /** Messages that did not fit, of which the first `#sent` are sent, and the size of the others. */
  #waiting = [];
  #sent = 0;
  #cost = 0;
  #isDraining = false;
  /** Resolves the wait until the application reads again. */
  #resume;
  /** Ends such waits when the connection is closed. */
  #untilClosed;
  #isClosed = false;
  #isPaused = false;
  /** Functions that end each pipe, by target. */
  #pipes = new Map();
  /** Code and reason, once the application closed the connection. */
  #close;
  /** Keeps the streams of the object together, so that all of them end. */
  #streams;
  #isOver = false;

  constructor(connection, resumed, streams) {
    super();
    this.#connection = connection;
    this.#streams = streams;
    // Also loads the other facts, which can then be read from a stale connection.
    this.id = connection.id;
    this.resumed = resumed;
    this.readable = true;
    this.writable = true;
    this.remotePort = undefined;
  }

  get headers() {
    return this.#connection.headers;
  }

  get url() {
    const { pathname, query } = this.#connection;
    return query === "" ? pathname : `${pathname}?${query}`;
  }

  get pathname() {
    return this.#connection.pathname;
  }

  get prefix() {
    return this.#connection.prefix;
  }

  get protocol() {
    return this.#connection.transport;
  }

  get readyState() {
    return this.#isOver || this.#isStale() ? CLOSED : this.#connection.readyState;
  }

  get remoteAddress() {
    return this.#connection.remoteAddress;
  }

  /** The address of the server, which is unknown in a Worker. */
  get address() {
    return undefined;
  }

  /** The connection of the native API. */
  get native() {
    return this.#connection;
  }

  /** Sends a message. Returns false if the application should wait for "drain". */
  write(message) {
    const text = typeof message === "string" ? message : String(message);
    if (!this.writable || this.#isStale()) return false;
    if (this.#waiting.length > 0 || !this.#send(text)) {
      this.#waiting.push(text);
      this.#cost += text.length + MESSAGE_COST;
      if (this.#cost > WAITING_MAX) {
        this.#forget();
        this.close(...TOO_SLOW);
        return false;
      }
    }
    if (this.#waiting.length === 0 && !this.#connection.isBehind) return true;
    this.#drain();
    return false;
  }

  /** Sends a message. Returns false if it does not fit now. */
  #send(text) {
    try {
      this.#connection.send(text);
      return true;
    } catch (error) {
      if (error instanceof SendError && error.kind === "queue_full") return false;
      // As in sockjs-node, writes to a client that left are dropped.
      if (error instanceof SendError && error.kind === "closed") return true;
      throw error;
    }
  }

  async #drain() {
    if (this.#isDraining) return;
    this.#isDraining = true;
    try {
      do {
        await this.#connection.ready();
        while (this.#sent < this.#waiting.length && this.#send(this.#waiting[this.#sent])) {
          this.#cost -= this.#waiting[this.#sent].length + MESSAGE_COST;
          this.#waiting[this.#sent] = undefined;
          this.#sent += 1;
        }
      } while (this.#sent < this.#waiting.length);
      this.#forget();
      this.#isDraining = false;
      if (this.#close) this.#connection.close(...this.#close);
      else if (this.writable) this.emit("drain");
    } catch (error) {
      this.#forget();
      this.#isDraining = false;
      // A client that has left is not a failure, nor is a new instance of the object.
      if (!this.#isStale() && !(error instanceof SendError && error.kind === "closed")) this.#connection.fail_(error);
    }
  }

  #forget() {
    this.#waiting = [];
    this.#sent = 0;
    this.#cost = 0;
  }

  end(message) {
    if (message !== undefined && message !== null && typeof message !== "function") this.write(message);
    this.close();
    return this;
  }

  /** Closes the connection when all written messages have left. */
  close(code, reason) {
    const close = [code ?? 1000, reason ?? "Normal closure"];
    checkClose(...close);
    if (this.#close || this.readyState !== 1) return false;
    this.writable = false;
    this.#close = close;
    if (this.#waiting.length === 0) this.#connection.close(...close);
    return true;
  }

  destroy() {
    // The listeners get "end", and nothing after it.
    this.end();
    return this;
  }

  destroySoon() {
    this.destroy();
  }

  /** Emits no "data" until `resume`: the client's further messages wait. */
  pause() {
    this.#isPaused = true;
    return this;
  }

  resume() {
    this.#isPaused = false;
    this.#resume?.();
    this.#resume = undefined;
    return this;
  }

  isPaused() {
    return this.#isPaused;
  }

  setEncoding() {
    return this;
  }

  pipe(to, { end = true } = {}) {
    const onDrain = () => this.resume();
    const onData = (message) => {
      // A stream that is over accepts nothing, and never drains.
      if (to.writable === false) return this.unpipe(to);
      if (to.write(message) === false && to.writable !== false) this.pause();
    };
    const onEnd = () => end && to.writable !== false && to.end();
    const onOver = () => this.unpipe(to);
    const ofTarget = [["drain", onDrain], ["close", onOver], ["error", onOver]];
    this.on("data", onData);
    this.on("end", onEnd);
    for (const [event, listener] of ofTarget) to.on?.(event, listener);
    this.#pipes.set(to, () => {
      this.off("data", onData).off("end", onEnd);
      for (const [event, listener] of ofTarget) to.removeListener?.(event, listener);
    });
    to.emit?.("pipe", this);
    return to;
  }

  unpipe(from) {
    for (const to of from === undefined ? [...this.#pipes.keys()] : [from]) {
      this.#pipes.get(to)?.();
      if (this.#pipes.delete(to)) to.emit?.("unpipe", this);
    }
    return this.resume();
  }

  /** Only for the package: handles the rejection of a promise that a listener returned. */
  failed_(error) {
    this.#connection.fail_(error);
  }

  /** Only for the package: handles a message of the client. */
  take_(message) {
    if (!this.#isPaused) {
      this.emit("data", message);
      // If the application paused meanwhile, it gets the next message later.
      return this.#isPaused ? this.#resumed() : undefined;
    }
    return this.#resumed().then(() => this.take_(message));
  }

  /**
   * Waits until the application reads again, or until the connection ends: earlier messages of the client are still delivered.
   */
  #resumed() {
    if (this.#isClosed) {
      this.resume();
      return Promise.resolve();
    }
    const onClosed = () => {
      this.#isClosed = true;
      this.resume();
    };
    // One for all waits: what closed_() begins lasts until the end.
    this.#untilClosed ??= this.#connection.closed_().then(onClosed, onClosed);
    return new Promise((resolve) => (this.#resume = resolve));
  }

  /** Returns true if the connection is of an instance of the object that is gone, and ends the stream. */
  #isStale() {
    if (!this.#connection.isStale_) return false;
    this.readable = false;
    this.writable = false;
    // Not at once: a listener of "close" may change the list that is being written to.
    if (!this.#isOver) queueMicrotask(() => this.abandon_());
    return true;
  }

  /** Only for the package: ends the stream of an instance that is gone. */
  abandon_() {
    try {
      this.end_();
    } catch (error) {
      this.failed_(error);
    }
  }

  /** Only for the package: handles the end of the connection. */
  end_() {
    if (this.#isOver) return;
    this.#isOver = true;
    this.readable = false;
    this.writable = false;
    this.#forget();
    this.resume();
    this.emit("end");
    this.emit("close");
    this.removeAllListeners();
  }
}
