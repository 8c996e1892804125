// Reads the bytes of a socket in the portions that a caller requests.

import { within } from "../waiting/wait.mjs";

export class ByteReader {
  #bytes = Buffer.alloc(0);
  #end;
  #wake = () => {};

  constructor(socket) {
    socket.on("data", (data) => {
      this.#bytes = Buffer.concat([this.#bytes, data]);
      this.#wake();
    });
    const end = (why) => {
      this.#end ??= why;
      this.#wake();
    };
    socket.on("end", () => end("the other side ended the connection"));
    socket.on("error", (error) => end(error.message));
    socket.on("close", () => end("the connection is closed"));
  }

  /** Reads the next line, without its CRLF. */
  async line(what, ms) {
    await this.#fill(() => this.#bytes.includes("\r\n"), what, ms);
    const line = this.#take(this.#bytes.indexOf("\r\n")).toString("latin1");
    this.#take(2);
    return line;
  }

  async exactly(length, what, ms) {
    await this.#fill(() => this.#bytes.length >= length, what, ms);
    return this.#take(length);
  }

  /** Reads everything up to and including `text`, with a byte for each of its characters. */
  async until(text, ms) {
    const bytes = Buffer.from(text, "latin1");
    await this.#fill(() => this.#bytes.includes(bytes), JSON.stringify(text), ms);
    return this.#take(this.#bytes.indexOf(bytes) + bytes.length);
  }

  /** Reads everything up to the end of the connection. */
  async rest(what, ms) {
    await this.#fill(() => this.#end, what, ms);
    return this.#take(this.#bytes.length);
  }

  async #fill(isEnough, what, ms) {
    const arrived = async () => {
      while (!isEnough()) {
        if (this.#end) throw new Error(`instead of ${what}: ${this.#end}, after ${JSON.stringify(`${this.#bytes}`)}`);
        await new Promise((resolve) => (this.#wake = resolve));
      }
    };
    await within(arrived(), what, ms);
  }

  #take(length) {
    const taken = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return taken;
  }
}
