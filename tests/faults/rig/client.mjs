// A client of /trouble over any HTTP transport.

import assert from "node:assert/strict";
import { PersistentClient } from "../../harness/clients/persistent-client.mjs";

/** Opens a session over the transport with that last segment, and reads on. */
export async function openClient(owner, trouble, segment) {
  const client = new Client(owner, trouble, segment);
  await client.open();
  return client;
}

export class Client extends PersistentClient {
  constructor(owner, { service }, segment) {
    super(owner, service, segment);
  }

  /** The name of its object. */
  get object() {
    return `/trouble//session/${this.id}`;
  }

  /** Sends an order, which must be taken. */
  async order(order) {
    assert.equal(await this.send(JSON.stringify(order)), 204);
  }
}
