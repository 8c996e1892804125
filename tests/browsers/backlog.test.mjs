// Pages that send much at once, which the stock client joins into one body: all of it comes back. A body beyond body_limit
// closes the connection, and the page gets code and reason.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startChromium } from "../harness/clients/chromium.mjs";
import { exchangeAtOnce } from "../harness/messages/exchange.mjs";
import { backlog } from "../harness/messages/numbered.mjs";
import { connectInPage } from "../harness/pages/page-socket.mjs";
import { openPage } from "../harness/pages/pages.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { within } from "../harness/waiting/wait.mjs";

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
      await exchangeAtOnce(client, backlog(count, size));
    });
  }
}

// The client reports 1006 if it sees the refused send before the close frame. Chromium does not keep the order in which the two
// responses came: it runs the scripts of an htmlfile late.
for (const transport of ["xhr-streaming", "eventsource", "iframe-eventsource", "htmlfile", "xhr-polling", "jsonp-polling"]) {
  test(`${transport}: a send beyond body_limit closes the connection with 1009 and the reason`, async (t) => {
    const client = await connect(t, strict, transport);
    for (const message of backlog(30, 50_000)) client.send(message);
    const { code, reason, wasClean } = await within(client.closed, "the close");
    assert.deepEqual([code, wasClean], [1009, true], reason);
    assert.match(reason, /body_limit/);
  });
}

async function connect(t, { url }, transport) {
  const echo = `${url}/echo`;
  return connectInPage(await openPage(t, browser, { url: echo, service: echo }), echo, transport);
}
