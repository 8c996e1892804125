// The stock client over WebSocket, in Node or in a page. It does not come back when its connection ends, either.

import { randomUUID } from "node:crypto";
import { connectStockClient } from "../../harness/clients/stock-client.mjs";
import { Reader } from "../../harness/clients/reader.mjs";
import { connectInPage } from "../../harness/pages/page-socket.mjs";
import { openPage } from "../../harness/pages/pages.mjs";

/** Opens a session with the stock client in Node. */
export async function openStockClient(owner, { service }) {
  const session = randomUUID();
  return new StockWebSocketClient(session, await connectStockClient(owner, service, "websocket", { session }));
}

/** Returns a function that opens a session with the stock client in a page of its own, as `openStockClient` does. */
export function pageOpener(browser) {
  return async (owner, { service }) => {
    const session = randomUUID();
    const page = await openPage(owner, browser, { url: service, service });
    return new StockWebSocketClient(session, await connectInPage(page, service, "websocket", { session }));
  };
}

class StockWebSocketClient extends Reader {
  #client;

  constructor(id, client) {
    super();
    this.id = id;
    this.#client = client;
    this.#readOn();
  }

  /** Resolves to the `{ code, reason }` with which its connection ended. */
  get closed() {
    return this.#client.closed.then(({ code, reason }) => ({ code, reason }));
  }

  async #readOn() {
    try {
      for (;;) this.messages.push(await this.#client.messages.next("a message", 2 ** 31));
    } catch {
      // The connection ended: see `closed`.
    }
  }

  send(message) {
    this.#client.send(message);
  }

  close(...why) {
    this.#client.close(...why);
  }

  order(order) {
    this.send(JSON.stringify(order));
  }
}
