// A client over WebSocket, which does not reconnect when its connection ends.

import { randomUUID } from "node:crypto";
import { Reader } from "./reader.mjs";
import { openWebSocket } from "./websocket.mjs";

/** Opens a session over WebSocket; `query` is added to its URL, the other options are those of `ws`. */
export async function openWebSocketClient(owner, { service }, { query = "", ...options } = {}) {
  const id = randomUUID();
  const client = new WebSocketClient(id, await openWebSocket(owner, `${service}/000/${id}/websocket${query && `?${query}`}`, options));
  client.readOn();
  await client.readsFrame("o");
  return client;
}

/** Opens a raw WebSocket, whose id for the log is in its query. */
export async function openRawClient(owner, { service }, { query = "", ...options } = {}) {
  const id = randomUUID();
  const client = new RawClient(id, await openWebSocket(owner, `${service}/websocket?id=${id}&${query}`, options));
  client.readOn();
  return client;
}

class WebSocketClient extends Reader {
  #socket;

  constructor(id, socket) {
    super();
    this.id = id;
    this.object = `/trouble//session/${id}`;
    this.#socket = socket;
  }

  /** Resolves at the end of the connection, to `{ code, reason }`. */
  get closed() {
    return this.#socket.closed;
  }

  async readOn() {
    try {
      for (;;) this.take(this.unwrap(await this.#socket.frames.next("a frame", 2 ** 31)));
    } catch {
      // The connection ended: see `closed`.
    }
  }

  /** Returns the messages or the frame in a received text. */
  unwrap(text) {
    return text;
  }

  send(...messages) {
    for (const text of this.wrap(messages)) this.#socket.send(text);
  }

  /** Returns the text that sends messages. */
  wrap(messages) {
    return [JSON.stringify(messages)];
  }

  close(...why) {
    this.#socket.close(...why);
  }

  /** Waits until the server has read everything that was sent, or for the end of the connection. */
  async arrives(ms) {
    this.#socket.ping();
    await Promise.race([this.closed, this.#socket.pongs.next("a pong", ms)]);
  }

  /** Stops reading. */
  pause() {
    this.#socket.pause();
  }

  resume() {
    this.#socket.resume();
  }

  /** Leaves without closing the connection. */
  vanish() {
    this.#socket.terminate();
  }

  order(order) {
    this.send(JSON.stringify(order));
  }
}

/** Messages without frames. */
class RawClient extends WebSocketClient {
  unwrap(text) {
    return `a${JSON.stringify([text])}`;
  }

  wrap(messages) {
    return messages;
  }
}

/** The kinds of WebSockets: the function that opens a client, and the frames that it reads before any message. */
export const KINDS = {
  websocket: { open: openWebSocketClient, frames: ["o"] },
  "raw websocket": { open: openRawClient, frames: [] },
};
