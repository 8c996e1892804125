// Pages that have much to send at once, which the stock client joins into one body: all of it comes back. What is too much
// for one body closes the connection, and the page learns why.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { exchangeAtOnce, numbered } from "../harness/backlog.mjs";
import { startChromium } from "../harness/chromium.mjs";
import { startServer } from "../harness/server.mjs";
import { within } from "../harness/wait.mjs";
import { connectInPage } from "./page-socket.mjs";
import { openPage } from "./pages.mjs";

const browser = await startChromium({ after });
const server = await startServer({ after });
const strict = await startServer({ after }, { vars: { SOCKJS_BODY_LIMIT: "1000000" } });

/** Numbers and sizes of messages. */
const BACKLOGS = [
  [1000, 1000],
  [300, 10_000],
];

for (const transport of ["xhr-streaming", "iframe-eventsource", "jsonp-polling"]) {
  for (const [count, size] of BACKLOGS) {
    test(`${transport}: ${count} messages of ${size} bytes, sent at once, come back complete`, async (t) => {
      const client = await connect(t, server, transport);
      await exchangeAtOnce(client, numbered(count, size));
    });
  }

  test(`${transport}: a page that sends more than body_limit at once learns that it did`, async (t) => {
    const client = await connect(t, strict, transport);
    for (const message of numbered(30, 50_000)) client.send(message);
    const { code, reason, wasClean } = await within(client.closed, "the close");
    assert.deepEqual([code, wasClean], [1009, true], reason);
    assert.match(reason, /body_limit/);
  });
}

async function connect(t, { url }, transport) {
  const echo = `${url}/echo`;
  return connectInPage(await openPage(t, browser, { url: echo, service: echo }), echo, transport);
}
