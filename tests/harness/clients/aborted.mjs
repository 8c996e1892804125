// Requests whose client goes away in the middle, by a reset or by the end of its side, and what is left of them in the server.

import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import { within } from "../waiting/wait.mjs";

const MIB = 1 << 20;

/** How a client goes. */
export const ENDS = { reset: (socket) => socket.resetAndDestroy(), "end of its side": (socket) => socket.end() };

/** What it goes in the middle of: each takes a connection and a service's path. */
export const REQUESTS = {
  async "a chunked body"(client, service) {
    client.write(post(`${service}/000/${randomUUID()}/xhr_send`, "Transfer-Encoding: chunked"));
    const body = Buffer.alloc(MIB - 64, "x");
    await client.flush(`${body.length.toString(16)}\r\n`, body);
  },
  async "a declared body"(client, service) {
    client.write(post(`${service}/000/${randomUUID()}/xhr_send`, `Content-Length: ${MIB}`));
    await client.flush(Buffer.alloc(MIB / 2, "x"));
  },
  async "a small body"(client, service) {
    await client.flush(post(`${service}/000/${randomUUID()}/xhr_send`, "Content-Length: 100"), '["half');
  },
  async "a poll"(client, service) {
    const path = `${service}/000/${randomUUID()}/xhr`;
    client.write(post(path, "Content-Length: 0"));
    await client.until("o\n");
    client.write(post(path, "Content-Length: 0"));
    await client.until("HTTP/1.1 200");
  },
  async "a stream"(client, service) {
    client.write(post(`${service}/000/${randomUUID()}/xhr_streaming`, "Content-Length: 0"));
    await client.until("o\n");
  },
  async "a WebSocket"(client, service) {
    const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==";
    client.write(get(`${service}/000/${randomUUID()}/websocket`, upgrade));
    await client.until("\x81\x01o");
  },
  async "/info"(client, service) {
    await client.flush(get(`${service}/info`, "Accept: */*"));
  },
  async "a head"(client, service) {
    await client.flush(get(`${service}/info`, "Accept: */*").slice(0, -4));
  },
};

/** Makes `count` requests that end so, at most `atOnce` at a time. */
export async function abort(server, service, request, end, { count, atOnce }) {
  const { hostname, port } = new URL(server.url);
  let left = count;
  const work = async () => {
    while (left-- > 0) {
      const client = await Client.open(hostname, port);
      await REQUESTS[request](client, service);
      await client.leave(ENDS[end]);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

class Client {
  #socket;
  #read = "";
  #wake = () => {};
  #closed = Promise.withResolvers();

  static async open(host, port) {
    const client = new Client();
    const socket = (client.#socket = connect({ host, port, allowHalfOpen: false }));
    const opened = Promise.withResolvers();
    socket.on("connect", opened.resolve);
    socket.on("data", (data) => {
      client.#read += data.toString("latin1");
      client.#wake();
    });
    // The server may go first, which is for the test's own waits to notice.
    socket.on("error", () => {});
    socket.on("close", () => client.#closed.resolve());
    await within(opened.promise, "a connection");
    return client;
  }

  write(...data) {
    for (const piece of data) this.#socket.write(piece);
  }

  /** Writes, and waits until the kernel has it. */
  async flush(...data) {
    const last = data.pop();
    this.write(...data);
    const flushed = Promise.withResolvers();
    this.#socket.write(last, () => flushed.resolve());
    await within(Promise.race([flushed.promise, this.#closed.promise]), "the end of a write");
  }

  /** Reads up to and including `text`. */
  async until(text) {
    const found = async () => {
      while (!this.#read.includes(text)) {
        const { promise, resolve } = Promise.withResolvers();
        this.#wake = resolve;
        await promise;
      }
    };
    await within(found(), JSON.stringify(text));
    this.#read = this.#read.slice(this.#read.indexOf(text) + text.length);
  }

  async leave(end) {
    end(this.#socket);
    // Of a side that ended, the server has the other.
    setTimeout(() => this.#socket.destroy(), 20).unref();
    await this.#closed.promise;
  }
}

function post(path, header) {
  return `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n${header}\r\n\r\n`;
}

function get(path, header) {
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${header}\r\n\r\n`;
}
