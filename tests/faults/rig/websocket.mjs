// A client over WebSocket, which does not come back when its connection ends.

import { randomUUID } from "node:crypto";
import { Reader } from "../../harness/clients/reader.mjs";
import { openWebSocket } from "../../harness/clients/websocket.mjs";

/** Opens a session over WebSocket. */
export async function openWebSocketClient(owner, { service }) {
  const id = randomUUID();
  const client = new WebSocketClient(id, await openWebSocket(owner, `${service}/000/${id}/websocket`));
  client.readOn();
  await client.readsFrame("o");
  return client;
}

/** Opens a raw WebSocket, of whose connections the log has no id. */
export async function openRawClient(owner, { service }) {
  const client = new RawClient(null, await openWebSocket(owner, `${service}/websocket`));
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

  /** When its connection ended: `{ code, reason }`. */
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

  /** The frame in what came. */
  unwrap(text) {
    return text;
  }

  send(...messages) {
    for (const text of this.wrap(messages)) this.#socket.send(text);
  }

  /** What is sent for messages. */
  wrap(messages) {
    return [JSON.stringify(messages)];
  }

  close(...why) {
    this.#socket.close(...why);
  }

  order(order) {
    this.send(JSON.stringify(order));
  }
}

/** Messages without frames around them. */
class RawClient extends WebSocketClient {
  unwrap(text) {
    return `a${JSON.stringify([text])}`;
  }

  wrap(messages) {
    return messages;
  }
}
