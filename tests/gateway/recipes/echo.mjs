// What each recipe with an echo must do behind the gateway.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { connectStockClient } from "../../harness/clients/stock-client.mjs";
import { exchange, nastyMessages } from "../../harness/messages/exchange.mjs";
import { connectInPage } from "../../harness/pages/page-socket.mjs";
import { openPage, serveDocument } from "../../harness/pages/pages.mjs";

export const NODE_TRANSPORTS = ["websocket", "xhr-streaming", "eventsource", "xhr-polling"];
/** One of a page on the server's own host, one of a page of another site. */
export const PAGE_TRANSPORTS = { "jsonp-polling": "own", "iframe-eventsource": "other" };
const PAGE_MESSAGES = 300;

/** Tests that `count` messages come back in order from the echo behind `service`, over each transport in Node. */
export function testEcho(name, service, count) {
  for (const transport of NODE_TRANSPORTS) {
    test(`${name} behind the gateway, by ${transport}: ${count} messages come back in order`, async (t) => {
      const client = await connectStockClient(t, service, transport);
      assert.equal(client.transport, transport);
      const began = Date.now();
      await exchange(client, nastyMessages(count));
      t.diagnostic(`${Math.round((1_000 * count) / (Date.now() - began))} echoes/s`);
    });
  }
}

/** Tests the same in Chromium. */
export function testEchoInPages(browser, name, service) {
  describe(`${name} behind the gateway, in Chromium`, () => {
    for (const transport of Object.keys(PAGE_TRANSPORTS)) {
      test(`by ${transport}: ${PAGE_MESSAGES} messages come back in order`, async (t) => {
        const page = await openPageFor(t, browser, service, transport);
        const client = await connectInPage(page, service, transport);
        assert.equal(client.transport, transport);
        await exchange(client, nastyMessages(PAGE_MESSAGES));
      });
    }
  });
}

/** Opens a page with the stock client, at a host from which the transport is used. */
export async function openPageFor(t, browser, service, transport) {
  const port = await serveDocument(t);
  const url = PAGE_TRANSPORTS[transport] === "own" ? service : `http://localhost:${port}/`;
  return openPage(t, browser, { url, service });
}
