// A client on a WebSocket, with SockJS frames or without.

import { WebSocket } from "ws";

/** Without a mask, which would hide nothing here and take time. */
const OPTIONS = { perMessageDeflate: false, skipUTF8Validation: true, generateMask: () => {} };

export class WebSocketClient {
  #socket;
  #send;

  /** @param listener `{ opened(), received(messages), failed(error) }`, and `ended()` if it is closed by `end` */
  constructor(url, { isRaw = false }, listener) {
    this.#socket = new WebSocket(url.replace(/^http/, "ws"), OPTIONS);
    this.#send = isRaw ? (text) => text : (text) => `["${text}"]`;
    this.#socket.on("error", listener.failed);
    this.#socket.on("close", (code) => {
      if (listener.ended) listener.ended();
      else listener.failed(new Error(`the WebSocket was closed with ${code}`));
    });
    if (isRaw) this.#socket.on("open", listener.opened);
    this.#socket.on("message", (data) => {
      const text = data.latin1Slice();
      if (isRaw) listener.received([text]);
      else if (text[0] === "a") listener.received(JSON.parse(text.slice(1)));
      else if (text === "o") listener.opened();
      else if (text !== "h") listener.failed(new Error(`the session ended: ${text}`));
    });
  }

  /** Sends a string that needs no escapes in JSON. */
  send(text) {
    this.#socket.send(this.#send(text));
  }

  /** Closes the connection properly, and waits for the other side. */
  end() {
    this.#socket.close(1000);
  }

  close() {
    this.#socket.removeAllListeners("close");
    this.#socket.terminate();
  }
}
