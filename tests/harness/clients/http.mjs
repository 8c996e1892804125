// HTTP/1.1 by hand on plain sockets: these tests check details that client libraries hide (chunks, half-closed and reset
// connections, paths exactly as written, repeated headers).

import { once } from "node:events";
import { connect } from "node:net";
import { within } from "../waiting/wait.mjs";
import { ByteReader } from "./byte-reader.mjs";

/**
 * Sends one request on a connection of its own. Resolves to `{ status, headers, body }`. See `HttpConnection.head` for the
 * headers.
 */
export async function request(url, { ms, ...options } = {}) {
  const connection = await openConnection(url);
  try {
    connection.send(url, options);
    const head = await connection.head(ms);
    return { ...head, body: await connection.body(ms) };
  } finally {
    connection.close();
  }
}

/** Sends a request and returns its connection, with the response unread. */
export async function start(url, options = {}) {
  const connection = await openConnection(url);
  connection.send(url, options);
  return connection;
}

/** Opens a connection to a URL's host, without sending anything. */
export async function openConnection(url) {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port || 80), allowHalfOpen: true, noDelay: true });
  const connection = new HttpConnection(socket);
  await within(once(socket, "connect"), `a connection to ${hostname}:${port}`);
  return connection;
}

class HttpConnection {
  #socket;
  #reader;
  #head;
  #closed = Promise.withResolvers();

  constructor(socket) {
    this.#socket = socket;
    socket.on("close", () => this.#closed.resolve());
    this.#reader = new ByteReader(socket);
  }

  /** Writes one request, with its path exactly as in `url`. A body, text or bytes, gets its Content-Length. */
  send(url, { method = "GET", headers = {}, body, version = "1.1" } = {}) {
    const [, host, path] = /^http:\/\/([^/]+)(.*)$/.exec(url);
    const length = body === undefined ? {} : { "Content-Length": Buffer.byteLength(body) };
    const lines = Object.entries({ Host: host, ...length, ...headers }).map(([name, value]) => `${name}: ${value}`);
    const head = [`${method} ${path || "/"} HTTP/${version}`, ...lines, "", ""].join("\r\n");
    this.write(Buffer.concat([Buffer.from(head), Buffer.from(body ?? "")])); // in a single packet
  }

  write(bytes) {
    this.#socket.write(bytes);
  }

  /** Writes bytes. Resolves when the kernel has them, or the connection is closed. */
  async flush(bytes) {
    const flushed = Promise.withResolvers();
    this.#socket.write(bytes, () => flushed.resolve());
    await within(Promise.race([flushed.promise, this.#closed.promise]), "the end of a write");
  }

  /**
   * Reads `{ version, status, headers }`: the headers by their name in lower case, each as a string, or as a list of strings if
   * it is repeated.
   */
  async head(ms) {
    const [, version, status] = /^HTTP\/(\S+) (\d+)/.exec(await this.#reader.line("the head of a response", ms));
    const headers = {};
    for (;;) {
      const line = await this.#reader.line("a header", ms);
      if (line === "") break;
      const [, name, value] = /^([^:]+):\s*(.*)$/.exec(line);
      const key = name.toLowerCase();
      headers[key] = key in headers ? [headers[key], value].flat() : value;
    }
    this.#head = { version, status: Number(status), headers };
    return this.#head;
  }

  /** Reads the next HTTP chunk; null for the one that ends the body. */
  async chunk(ms) {
    const length = Number.parseInt(await this.#reader.line("a chunk", ms), 16);
    const data = await this.#reader.exactly(length, `a chunk of ${length} bytes`, ms);
    await this.#reader.line("the end of a chunk", ms);
    return length === 0 ? null : data.toString();
  }

  /** Reads up to and including `text`, without regard to HTTP. */
  until(text, ms) {
    return this.#reader.until(text, ms);
  }

  /** Reads that many bytes: after an upgrade the connection does not speak HTTP. */
  bytes(length, ms) {
    return this.#reader.exactly(length, `${length} bytes`, ms);
  }

  /** Reads the rest of the body. */
  async body(ms) {
    const { status, headers } = this.#head;
    if (status === 204 || status === 304) return "";
    if (headers["transfer-encoding"] === "chunked") return this.#chunkedBody(ms);
    const length = headers["content-length"];
    if (length === undefined) return (await this.#reader.rest("the end of the body", ms)).toString();
    return (await this.#reader.exactly(Number(length), "the body", ms)).toString();
  }

  async #chunkedBody(ms) {
    let body = "";
    for (let chunk = await this.chunk(ms); chunk !== null; chunk = await this.chunk(ms)) body += chunk;
    return body;
  }

  /** Reads the rest, until the server ends the connection. */
  async ended(ms) {
    return (await this.#reader.rest("the end of the connection", ms)).toString();
  }

  /** Stops reading, without notifying the server. */
  pause() {
    this.#socket.pause();
  }

  /** Sends a FIN: nothing more is sent, but data is still read. */
  halfClose() {
    this.#socket.end();
  }

  /** Sends a RST, as a client does that leaves with unread data. */
  reset() {
    this.#socket.resetAndDestroy();
  }

  /** Ends the connection at once. Resolves when it is closed. */
  close() {
    this.#socket.destroy();
    return this.#closed.promise;
  }
}
