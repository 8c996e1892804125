// sockjs-node's API: servers, and connections that are streams.

import { SockJs, register, worker } from "./application.js";
import { Emitter } from "./emitter.js";
import { SendError } from "./errors.js";
import { checkClose } from "./handle.js";

/** Options of sockjs-node that mean something else here, or nothing. */
const ABSENT = {
  faye_server_options: "there is no faye-websocket here; subprotocols are the option websocket_protocols",
  transports_whitelist: "list the transports that you offer in the option transports",
};
/** Pause between calls that do nothing but keep the object in memory: the runtime takes it out after ten seconds without any. */
const RESIDENT_MS = 5_000;
/** What waits in JavaScript for a client that does not read, beyond `queue_limit`, in UTF-16 code units. */
const WAITING_MAX = 4 << 20;
/** What a message counts besides its text. */
const MESSAGE_COST = 64;
/** Code and reason for a client for which more waits than that. */
const TOO_SLOW = [3013, "Too slow"];

/** Makes a server, as sockjs-node's function of that name. */
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
   * Serves the connections below `options.prefix`. There is no http server to install on: `http_server` may be left out, or be null.
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
    // A function gets sockjs-node's lines. Here lines are the runtime's, from a level on.
    const level = typeof log === "string" ? { log } : {};
    register(prefix, {
      options: { ...rest, ...level, placement },
      create: () => new Streams(this, hibernate),
    });
    return this;
  }

  /** What the module exports: the class of the objects, and the Worker. */
  get exports() {
    return { SockJs, worker };
  }

  /** A listener of "connection" failed, and its connection with it. */
  failed_(error, [stream]) {
    stream?.failed_?.(error);
  }
}

/** The handler of a server in one object: its connections as streams. */
class Streams {
  #server;
  #hibernates;
  #streams = new Map();
  #resident;

  constructor(server, hibernates) {
    this.#server = server;
    this.#hibernates = hibernates;
  }

  /** Whoever is there already was there before the object restarted, or slept; or is opened in this very event. */
  onStart(room) {
    const present = [...room.connections()];
    if (present.length === 0) return;
    setTimeout(() => {
      for (const connection of present) {
        try {
          if (connection.readyState === 1) this.#streamOf(connection, true);
        } catch (error) {
          connection.fail_(error);
        }
      }
    }, 0);
  }

  onOpen(connection) {
    this.#streamOf(connection, false);
  }

  onReturn(connection) {
    this.#streamOf(connection, true);
  }

  onMessage(connection, message) {
    return this.#streamOf(connection, true).take_(message);
  }

  onClose(connection) {
    const stream = this.#streamOf(connection, true);
    this.#streams.delete(connection);
    if (this.#streams.size === 0) {
      clearInterval(this.#resident);
      this.#resident = undefined;
    }
    stream.end_();
  }

  #streamOf(connection, resumed) {
    const known = this.#streams.get(connection);
    if (known !== undefined) return known;
    const stream = new ConnectionStream(connection, resumed);
    this.#streams.set(connection, stream);
    if (!this.#hibernates) this.#resident ??= setInterval(() => {}, RESIDENT_MS);
    this.#server.emit("connection", stream);
    return stream;
  }
}

/** A connection as sockjs-node has it. */
class ConnectionStream extends Emitter {
  #connection;
  /** Messages that did not fit, of which `#sent` are sent, and what the others cost. */
  #waiting = [];
  #sent = 0;
  #cost = 0;
  #isDraining = false;
  /** Called when the application reads again. */
  #resume;
  #isPaused = false;
  /** What ends each pipe, by its target. */
  #pipes = new Map();
  /** Code and reason once the application closed it. */
  #close;

  constructor(connection, resumed) {
    super();
    this.#connection = connection;
    this.resumed = resumed;
    this.readable = true;
    this.writable = true;
    this.remotePort = undefined;
  }

  get id() {
    return this.#connection.id;
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
    return this.#connection.readyState;
  }

  get remoteAddress() {
    return this.#connection.remoteAddress;
  }

  /** The address of the server, which a Worker does not know. */
  get address() {
    return undefined;
  }

  /** The connection as the native API has it. */
  get native() {
    return this.#connection;
  }

  /** Sends a message. False if the application should wait for "drain". */
  write(message) {
    const text = typeof message === "string" ? message : String(message);
    if (!this.writable) return false;
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

  /** Sends a message. False if it does not fit now. */
  #send(text) {
    try {
      this.#connection.send(text);
      return true;
    } catch (error) {
      if (error instanceof SendError && error.kind === "queue_full") return false;
      // As in sockjs-node, what is written to a client that left is dropped.
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
      // That the client has left is no failure.
      if (!(error instanceof SendError && error.kind === "closed")) this.#connection.fail_(error);
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

  /** Closes the connection when everything that was written has left. */
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
    // Its listeners hear of the end, and of nothing after it.
    this.end();
    return this;
  }

  destroySoon() {
    this.destroy();
  }

  /** No "data" until `resume`: the client's further messages wait. */
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
      // What is over takes nothing, and never drains.
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

  /** Only for the package: the promise that a listener returned was rejected. */
  failed_(error) {
    this.#connection.fail_(error);
  }

  /** Only for the package: a message of the client. */
  take_(message) {
    if (!this.#isPaused) {
      this.emit("data", message);
      // Whoever paused meanwhile gets the next one later.
      return this.#isPaused ? this.#resumed() : undefined;
    }
    return this.#resumed().then(() => this.take_(message));
  }

  /** When the application reads again. When the connection ends, too: what the client sent before is still heard. */
  #resumed() {
    const resumed = new Promise((resolve) => (this.#resume = resolve));
    return Promise.race([resumed, this.#connection.closed_().then(() => this.resume())]);
  }

  /** Only for the package: it is over. */
  end_() {
    this.readable = false;
    this.writable = false;
    this.resume();
    this.emit("end");
    this.emit("close");
    this.removeAllListeners();
  }
}
