// The cookie by which load balancers keep a client at one server. Browsers send it for a page of another port, but for
// one of another site only if the balancer made it `SameSite=None`.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startChromium } from "../harness/clients/chromium.mjs";
import { connectInPage } from "../harness/pages/page-socket.mjs";
import { openPage, serveDocument } from "../harness/pages/pages.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { within } from "../harness/waiting/wait.mjs";

const browser = await startChromium({ after });
const server = await startServer({ after });
const port = await serveDocument({ after });

for (const [transport, segment] of [["xhr-streaming", "xhr_streaming"], ["xhr-polling", "xhr"]]) {
  test(`${transport}: a page of another port sends its JSESSIONID along and may read the answers`, async (t) => {
    const service = `${server.url}/cookie_needed_echo`;
    const page = await openPage(t, browser, { url: `http://127.0.0.1:${port}/`, service });
    await page.context().addCookies([{ name: "JSESSIONID", value: "of-the-balancer", url: server.url }]);

    const responses = [segment, "xhr_send"].map((last) => page.waitForResponse((it) => it.url().includes(`/${last}?`)));
    const client = await connectInPage(page, service, transport);
    client.send("a");
    assert.equal(await client.messages.next(), "a");

    for (const response of await within(Promise.all(responses), "the responses")) {
      // It sets what it was sent.
      assert.equal(await response.headerValue("set-cookie"), "JSESSIONID=of-the-balancer; path=/", response.url());
    }
  });
}
