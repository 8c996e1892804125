// The stock client in Chromium over each of its transports.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { exchange, nastyMessages } from "../harness/messages/exchange.mjs";
import { connectInPage } from "../harness/pages/page-socket.mjs";
import { openPage } from "../harness/pages/pages.mjs";
import { within } from "../harness/waiting/wait.mjs";
import { defineXDomainRequest } from "./xdomain-request.mjs";

export const TRANSPORTS = [
  "websocket",
  "xhr-streaming",
  "xdr-streaming",
  "eventsource",
  "iframe-eventsource",
  "htmlfile",
  "iframe-htmlfile",
  "xhr-polling",
  "xdr-polling",
  "iframe-xhr-polling",
  "jsonp-polling",
];

/**
 * Tests every transport in every document.
 *
 * @param browser Chromium
 * @param server whose /echo and /close are used
 * @param {Record<string, string>} documents URLs by their names; the first is of the server's own origin
 * @param {number} count messages of each
 * @param {string[]} [transports] only these
 */
export function testTransports(browser, server, documents, count, transports = TRANSPORTS) {
  const echo = `${server.url}/echo`;
  const [own] = Object.keys(documents);

  for (const [origin, url] of Object.entries(documents)) {
    describe(`a page of ${origin}`, { concurrency: 2 }, () => {
      for (const transport of transports) {
        test(transport, async (t) => {
          const prepare = transport.startsWith("xdr-") ? defineXDomainRequest : undefined;
          const page = await openPage(t, browser, { url, service: echo, prepare });

          if (transport === "htmlfile" && origin !== own) {
            return t.test("the client refuses what only works in the same origin", async () => {
              const refused = { message: "the connection was closed: 2000 All transports failed" };
              await assert.rejects(connectInPage(page, echo, transport), refused);
            });
          }

          await t.test(`${count} messages come back in order, none lost, doubled or changed`, async () => {
            const client = await connectInPage(page, echo, transport);
            assert.equal(client.transport, transport);
            await exchange(client, nastyMessages(count));
          });

          await t.test("the page learns code and reason when the server closes", async () => {
            const client = await connectInPage(page, `${server.url}/close`, transport);
            const closed = await within(client.closed, "the close");
            assert.deepEqual(closed, { code: 3000, reason: "Go away!", wasClean: true });
          });
        });
      }
    });
  }
}
