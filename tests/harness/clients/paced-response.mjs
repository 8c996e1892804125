// A response of a Miniflare server that is read piece by piece. The server keeps the unread part: no kernel buffers it.

import { openWebSocket } from "./websocket.mjs";

export class PacedResponse {
  #socket;

  /** @param {string} url of a server that was started with `client` */
  static async open(owner, server, url, method) {
    const response = new PacedResponse();
    const parameters = new URLSearchParams({ url, method });
    response.#socket = await openWebSocket(owner, `${server.clientUrl}/?${parameters}`);
    return response;
  }

  /** Reads the next piece of the body, as large as the runtime delivers it; null at the end. */
  async piece(ms) {
    this.#socket.send("");
    const piece = await this.#socket.frames.next("a piece of a response", ms);
    if (piece === "") this.#socket.close();
    return piece || null;
  }
}
