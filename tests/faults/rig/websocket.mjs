// A client over WebSocket, which does not come back when its connection ends.

import { randomUUID } from "node:crypto";
import { openWebSocket } from "../../harness/websocket.mjs";
import { Reader } from "./reader.mjs";

/** Opens a session over WebSocket. */
export async function openWebSocketClient(owner, { service }) {
  const id = randomUUID();
  const client = new WebSocketClient(id, await openWebSocket(owner, `${service}/000/${id}/websocket`));
  client.readOn();
  await client.readsFrame("o");
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
      for (;;) this.take(await this.#socket.frames.next("a frame", 2 ** 31));
    } catch {
      // The connection ended: see `closed`.
    }
  }

  send(...messages) {
    this.#socket.send(JSON.stringify(messages));
  }

  order(order) {
    this.send(JSON.stringify(order));
  }
}
