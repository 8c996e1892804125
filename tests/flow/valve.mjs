// A TCP proxy that can stop reading from the server, so that what the server sends piles up at its side.

import { once } from "node:events";
import { connect, createServer } from "node:net";

/** Starts an open valve in front of the server at `url`. */
export async function startValve(owner, url) {
  const valve = new Valve(url);
  owner.after(() => valve.stop());
  await valve.start();
  return valve;
}

class Valve {
  #target;
  #server;
  #isOpen = true;
  /** Connections as `{ client, server }`. */
  #connections = new Set();

  constructor(url) {
    const { hostname: host, port } = new URL(url);
    this.#target = { host, port: Number(port), noDelay: true };
  }

  get url() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  async start() {
    this.#server = createServer({ noDelay: true }, (client) => this.#accept(client));
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  stop() {
    this.#server.close();
    for (const { client, server } of this.#connections) for (const socket of [client, server]) socket.destroy();
  }

  /** Passes nothing to the clients until `open`, on new connections neither. */
  shut() {
    this.#isOpen = false;
    for (const { client, server } of this.#connections) server.unpipe(client).pause();
  }

  open() {
    this.#isOpen = true;
    for (const { client, server } of this.#connections) server.pipe(client);
  }

  #accept(client) {
    const server = connect(this.#target);
    const connection = { client, server };
    this.#connections.add(connection);
    client.pipe(server);
    if (this.#isOpen) server.pipe(client);
    for (const [socket, other] of [[client, server], [server, client]]) {
      socket.on("error", () => other.destroy());
    }
    client.on("close", () => {
      this.#connections.delete(connection);
      server.destroy();
    });
  }
}
