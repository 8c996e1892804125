// The stock client in Chromium over each of its transports, in a page of the Worker's own origin and of another site.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { exchange, numberedMessages } from "../clients/messages.mjs";
import { startChromium } from "../harness/chromium.mjs";
import { startServer } from "../harness/server.mjs";
import { within } from "../harness/wait.mjs";
import { connectInPage } from "./page-socket.mjs";
import { openPage, serveDocument } from "./pages.mjs";
import { defineXDomainRequest } from "./xdomain-request.mjs";

const TRANSPORTS = [
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

const browser = await startChromium({ after });
const server = await startServer({ after });
const port = await serveDocument({ after });
const echo = `${server.url}/echo`;

const DOCUMENTS = {
  "the same origin": echo, // the greeting is a document like any other
  // Another name than 127.0.0.1, so that iframes and cookies are a third party's, too.
  "another site": `http://localhost:${port}/`,
};

for (const [origin, url] of Object.entries(DOCUMENTS)) {
  describe(`a page of ${origin}`, { concurrency: 2 }, () => {
    for (const transport of TRANSPORTS) {
      test(transport, async (t) => {
        const prepare = transport.startsWith("xdr-") ? defineXDomainRequest : undefined;
        const page = await openPage(t, browser, { url, service: echo, prepare });

        if (transport === "htmlfile" && origin !== "the same origin") {
          return t.test("the client refuses what only works in the same origin", async () => {
            const refused = { message: "the connection was closed: 2000 All transports failed" };
            await assert.rejects(connectInPage(page, echo, transport), refused);
          });
        }

        await t.test("150 messages come back in order, none lost, doubled or changed", async () => {
          const client = await connectInPage(page, echo, transport);
          assert.equal(client.transport, transport);
          await exchange(client, numberedMessages(150));
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
