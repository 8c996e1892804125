// A client's connection.

import { SendError, sendErrorOf } from "./errors.js";
import { Handle, checkClose, checkText, frozen } from "./handle.js";

/** `readyState` of a connection that is over, as in a browser. */
const CLOSED = 3;

export class Connection {
  #handle;
  #facts;
  #isOver = false;
  #room;

  /** Only for the package. */
  constructor(handle, life) {
    this.#handle = new Handle(handle, life, "connection");
    this.#facts = undefined;
  }

  #about() {
    return (this.#facts ??= JSON.parse(this.#handle.get().facts()));
  }

  get id() {
    return this.#about().id;
  }

  get sessionId() {
    return this.#about().sessionId ?? undefined;
  }

  get transport() {
    return this.#about().transport;
  }

  get prefix() {
    return this.#about().prefix;
  }

  get params() {
    return this.#about().params;
  }

  get pathname() {
    return this.#about().pathname;
  }

  get query() {
    return this.#about().query;
  }

  get headers() {
    return this.#about().headers;
  }

  get address() {
    return this.#about().address ?? undefined;
  }

  get remoteAddress() {
    return this.#about().remoteAddress ?? undefined;
  }

  get claims() {
    return this.#about().claims ?? undefined;
  }

  get readyState() {
    return this.#isOver ? CLOSED : this.#handle.get().readyState();
  }

  get bufferedAmount() {
    return this.#isOver ? 0 : this.#handle.get().bufferedAmount();
  }

  get isBehind() {
    return !this.#isOver && this.#handle.get().isBehind();
  }

  get groups() {
    return this.#isOver ? [] : this.#handle.get().groups();
  }

  get room() {
    return (this.#room ??= this.#handle.get().room());
  }

  get state() {
    const json = this.#isOver ? undefined : this.#handle.get().state();
    return json === undefined ? undefined : frozen(JSON.parse(json));
  }

  set state(state) {
    this.#open().setState(JSON.stringify(state) ?? "null");
  }

  send(message) {
    if (typeof message !== "string") checkText("send", message);
    const unsent = this.#open().send(message);
    if (unsent !== 0) throw sendErrorOf(unsent);
  }

  async ready() {
    if (this.#isOver || !(await this.#handle.get().ready())) throw sendErrorOf(1);
  }

  close(code = 1000, reason = "Normal closure") {
    checkClose(code, reason);
    if (!this.#isOver) this.#handle.get().close(code, reason);
  }

  join(group) {
    checkText("join", group);
    this.#open().join(group);
  }

  leave(group) {
    checkText("leave", group);
    this.#open().leave(group);
  }

  isIn(group) {
    return this.groups.includes(group);
  }

  #open() {
    if (this.#isOver) throw new SendError("closed", "the connection is closed");
    return this.#handle.get();
  }

  /** Only for the package: true if it is of an instance of the object that is gone. */
  get isStale_() {
    return !this.#isOver && !this.#handle.isUsable;
  }

  /** Only for the package: closes the connection because its handler failed. */
  fail_(error) {
    if (!this.#isOver && this.#handle.isUsable) this.#handle.get().fail(error);
    else console.error(error);
  }

  /** Only for the package: resolves when the connection is closing or closed. */
  async closed_() {
    if (!this.#isOver) await this.#handle.get().closed();
  }

  /** Only for the WebAssembly: `onClose` has returned, and the object no longer has the connection. */
  end_() {
    // From now on the answers come from here.
    if (this.#handle.isUsable) {
      this.#about();
      this.#room ??= this.#handle.get().room();
    }
    this.#isOver = true;
    this.#handle.free();
  }

  /** Only for the package. Undefined for a connection that is over, which then excludes nobody. */
  static handleOf(connection) {
    if (!(connection instanceof Connection)) throw new TypeError("option except: expected a connection of this room, such as { except: conn }");
    return connection.#isOver ? undefined : connection.#handle.get();
  }
}
