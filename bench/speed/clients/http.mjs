// A SockJS client of an HTTP transport: it always receives, and sends the messages that have gathered since the last send, like
// the stock client.

import { randomUUID } from "node:crypto";
import { HttpConnection } from "./http-connection.mjs";

const METHODS = { xhr: "POST", xhr_streaming: "POST", eventsource: "GET" };

export class HttpClient {
  #url;
  #transport;
  #listener;
  #receiving;
  #sending;
  #waiting = [];
  #isSending = false;
  #line = "";

  /** @param listener `{ opened(), received(messages), failed(error) }` */
  constructor(service, transport, listener) {
    this.#url = new URL(`${service}/000/${randomUUID()}`);
    this.#transport = transport;
    this.#listener = listener;
    this.#receiving = new HttpConnection(this.#url, listener.failed);
    this.#sending = new HttpConnection(this.#url, listener.failed);
    this.#receive();
  }

  /** Sends a string that needs no escapes in JSON. */
  send(text) {
    this.#waiting.push(`"${text}"`);
    if (!this.#isSending) this.#flush();
  }

  close() {
    this.#receiving.close();
    this.#sending.close();
  }

  #receive() {
    const end = (status) => (status === 200 ? this.#receive() : this.#refused(this.#transport, status));
    const request = this.#request(METHODS[this.#transport], this.#transport, "");
    this.#receiving.request(request, (text) => this.#read(text), end);
  }

  #flush() {
    const body = `[${this.#waiting.join(",")}]`;
    this.#waiting = [];
    this.#isSending = true;
    this.#sending.request(this.#request("POST", "xhr_send", body), () => {}, (status) => {
      this.#isSending = false;
      if (status !== 204) this.#refused("xhr_send", status);
      else if (this.#waiting.length > 0) this.#flush();
    });
  }

  #request(method, path, body) {
    const { host, pathname } = this.#url;
    const length = method === "POST" ? `Content-Type: text/plain\r\nContent-Length: ${body.length}\r\n` : "";
    return `${method} ${pathname}/${path} HTTP/1.1\r\nHost: ${host}\r\n${length}\r\n${body}`;
  }

  #read(text) {
    const lines = (this.#line + text).split("\n");
    this.#line = lines.pop();
    for (const line of lines) this.#frame(line.trimEnd().replace(/^data: /, ""));
  }

  #frame(frame) {
    if (frame[0] === "a") this.#listener.received(JSON.parse(frame.slice(1)));
    else if (frame === "o") this.#listener.opened();
    // The rest are heartbeats, the empty line of an event, and the prelude of a stream.
    else if (!/^h*$/.test(frame)) this.#listener.failed(new Error(`the session ended: ${frame}`));
  }

  #refused(path, status) {
    this.#listener.failed(new Error(`${path} was answered with ${status}`));
  }
}
