// A client over each transport, all alike to a test: they send a message and take the answers in turn.

import { PersistentClient } from "../harness/clients/persistent-client.mjs";
import { connectStockClient } from "../harness/clients/stock-client.mjs";

/** Of the stock client, in Node. */
const STOCK = ["websocket", "xhr-streaming", "eventsource", "xhr-polling"];
/** Those that the stock client has in browsers alone, by the last segment of their path. */
const RAW = ["htmlfile", "jsonp"];

export const TRANSPORTS = [...STOCK, ...RAW];

/** Opens a client of that transport. */
export async function open(owner, service, transport) {
  return RAW.includes(transport) ? openRaw(owner, service, transport) : openStock(owner, service, transport);
}

async function openStock(owner, service, transport) {
  const client = await connectStockClient(owner, service, transport);
  return {
    transport,
    send: async (message) => client.send(message),
    next: (what) => client.messages.next(what),
    get waiting() {
      return client.messages.length;
    },
    closed: client.closed,
    leave: () => client.close(),
  };
}

async function openRaw(owner, service, transport) {
  const client = new PersistentClient(owner, service, transport);
  await client.open();
  let taken = 0;
  return {
    transport,
    async send(message) {
      const status = await client.send(message);
      if (status !== 204) throw new Error(`${transport}: a send was answered with ${status}`);
    },
    async next(what) {
      await client.when(() => client.messages.length > taken, what);
      return client.messages[taken++];
    },
    get waiting() {
      return client.messages.length - taken;
    },
    leave: () => client.leave(),
  };
}
