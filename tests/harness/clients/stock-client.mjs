// The stock client, sockjs-client, with promises around its events.

import SockJS from "sockjs-client";
import { Queue } from "../waiting/queue.mjs";
import { DEADLINE_MS, within } from "../waiting/wait.mjs";

/**
 * Opens a connection over one transport, such as "xhr-polling", and resolves once it is open. By default the client chooses its
 * session id.
 */
export async function connectStockClient(owner, url, transport, { session } = {}) {
  // By default it gives a transport little more than half a second after a fast /info: too little on a busy machine.
  const options = { transports: transport, timeout: DEADLINE_MS, sessionId: session && (() => session) };
  const client = new StockClient(new SockJS(url, null, options));
  owner.after(() => client.close());
  await within(client.opened, `the stock client to connect over ${transport}`);
  return client;
}

export class StockClient {
  #socket;
  messages = new Queue();
  heartbeats = new Queue();

  /** @param socket a new SockJS, or an object with the same interface */
  constructor(socket) {
    this.#socket = socket;
    this.#socket.onmessage = ({ data }) => this.messages.push(data);
    this.#socket.onheartbeat = () => this.heartbeats.push("h");
    const opened = Promise.withResolvers();
    const closed = Promise.withResolvers();
    this.#socket.onopen = () => opened.resolve();
    this.#socket.onclose = ({ code, reason, wasClean }) => {
      const error = new Error(`the connection was closed: ${code} ${reason}`);
      this.messages.end(error);
      opened.reject(error);
      closed.resolve({ code, reason, wasClean });
    };
    this.opened = opened.promise;
    this.closed = closed.promise;
  }

  /** Name of the transport, according to the client. */
  get transport() {
    return this.#socket.transport;
  }

  send(message) {
    this.#socket.send(message);
  }

  close(...why) {
    this.#socket.close(...why);
  }
}
