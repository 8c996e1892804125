// A page whose ticket is late, as after a night in a frozen tab: it is closed, and does not ask in a circle.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { startChromium } from "../harness/clients/chromium.mjs";
import { signTicket } from "../harness/clients/signing.mjs";
import { connectInPage } from "../harness/pages/page-socket.mjs";
import { openPage } from "../harness/pages/pages.mjs";
import { startServer } from "../harness/servers/server.mjs";

const KEY = "a key of at least thirty-two characters";
const LATE_MS = 300_000;
const browser = await startChromium({ after });
const server = await startServer({ after }, { vars: { SOCKJS_TICKETS: "true", SOCKJS_TICKET_KEYS: KEY } });
const echo = `${server.url}/echo`;

describe("a page whose ticket is late is closed", { concurrency: 2 }, () => {
  for (const transport of ["websocket", "xhr-streaming", "eventsource", "htmlfile", "xhr-polling", "jsonp-polling"]) {
    test(transport, async (t) => {
      const page = await openPage(t, browser, { url: echo, service: echo });
      const ticket = signTicket(KEY, { o: server.url, t: Date.now() - LATE_MS });
      let asked = 0;
      await page.route("**/echo/info*", (route) =>
        route.fulfill({ json: { websocket: true, cookie_needed: false, entropy: 1, base_url: `${echo}?ticket=${ticket}` } }),
      );
      page.on("request", (request) => (asked += /\/echo\/\d+\//.test(request.url()) ? 1 : 0));
      const began = performance.now();
      const isStream = ["xhr-streaming", "eventsource", "htmlfile"].includes(transport);
      const closed = isStream ? /closed: 1008 The ticket is not for this session/ : /closed: (1006|2000|1002)/;
      await assert.rejects(connectInPage(page, echo, transport), closed);
      const seconds = (performance.now() - began) / 1000;
      assert.ok(asked <= 2 + seconds, `${asked} requests in ${seconds} s`);
    });
  }
});
