// One HTTP/1.1 connection with keep-alive that does as little work as possible for each response: the clients share the machine
// with the server that they measure. It supports bodies of known length and chunked ones, and reads ASCII.

import { connect } from "node:net";

/** Idle time after which a request goes over a new connection: Node's servers close one after 5 s, maybe just when it is used. */
const REUSED_MS = 3_000;

export class HttpConnection {
  #address;
  #fail;
  #socket;
  /** When the last response ended. */
  #idleSince;
  #text = "";
  /** State of the current response: its recipient, its status once it is known, and the next part. */
  #response;

  /** @param {(error: Error) => void} fail is called if the connection ends before a response does */
  constructor({ hostname, port }, fail) {
    this.#address = { host: hostname, port: Number(port), noDelay: true };
    this.#fail = fail;
  }

  /** Sends a whole request; `onText` receives the body as it arrives, `onEnd` the status. */
  request(text, onText, onEnd) {
    this.#response = { onText, onEnd, read: this.#head };
    if (this.#socket && performance.now() - this.#idleSince > REUSED_MS) this.#drop();
    this.#socket ??= this.#connect();
    this.#socket.write(text, "latin1");
  }

  close() {
    this.#response = undefined;
    this.#socket?.destroy();
  }

  #connect() {
    const socket = connect(this.#address);
    socket.setEncoding("latin1");
    socket.on("data", (text) => this.#read(text));
    socket.on("error", (error) => this.#lost(socket, error));
    socket.on("close", () => this.#lost(socket, new Error("the server closed the connection")));
    return socket;
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#text = "";
    socket.destroy();
  }

  #lost(socket, error) {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    this.#text = "";
    if (this.#response) this.#fail(error);
  }

  #read(text) {
    this.#text += text;
    while (this.#response?.read.call(this));
  }

  // Each step of reading returns true if it made progress; otherwise more data has to arrive first.

  #head() {
    const head = this.#until("\r\n\r\n");
    if (head === undefined) return false;
    this.#response.status = Number(head.slice(9, 12));
    this.#response.closes = /\r\nconnection: *close/i.test(head);
    if (/\r\ntransfer-encoding: *chunked/i.test(head)) {
      this.#response.read = this.#chunk;
      return true;
    }
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    return this.#expect(length, this.#end);
  }

  #chunk() {
    const size = this.#until("\r\n");
    if (size === undefined) return false;
    const length = Number.parseInt(size, 16);
    return this.#expect(length, () => this.#expect(2, length === 0 ? this.#end : this.#chunk, () => {}));
  }

  /** Expects this many bytes next, and `then` after them. */
  #expect(length, then, take = this.#response.onText) {
    let left = length;
    this.#response.read = () => {
      const part = this.#text.slice(0, left);
      this.#text = this.#text.slice(left);
      left -= part.length;
      if (part !== "") take(part);
      if (left > 0 || !this.#response) return false;
      this.#response.read = then;
      return true;
    };
    return true;
  }

  #end() {
    const { onEnd, status, closes } = this.#response;
    this.#response = undefined;
    this.#idleSince = performance.now();
    if (closes) this.#drop();
    onEnd(status);
    return true; // the response to the next request may have arrived
  }

  #until(mark) {
    const at = this.#text.indexOf(mark);
    if (at < 0) return undefined;
    const text = this.#text.slice(0, at);
    this.#text = this.#text.slice(at + mark.length);
    return text;
  }
}
