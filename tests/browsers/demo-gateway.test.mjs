// The demo page in front of a server that exists already: echoes through the gateway beside those of the direct service.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startEchoUpstream } from "../../scripts/start/echo-upstream.mjs";
import { startChromium } from "../harness/clients/chromium.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { TRANSPORTS, openDemo } from "./demo-page.mjs";

const browser = await startChromium({ after });

/** Times are shown as "3.1 ms", "12 ms" or "1.2 s". */
const TIME = /^[\d.]+ m?s/;

async function open(t, vars, options) {
  const server = await startServer(t, { vars, log: () => {} });
  return openDemo(t, browser, server.url, options);
}

test("each transport's messages come back directly and through the gateway", async (t) => {
  const upstream = await startEchoUpstream();
  t.after(() => upstream.stop());
  const demo = await open(t, { SOCKJS_UPSTREAM: upstream.address, SOCKJS_PREFIX: "/backend" });
  await demo.page.locator("#gateway-path:text-is('/backend')").waitFor();
  await demo.button("Try every transport").click();
  await demo.page.getByText(`Tried ${TRANSPORTS.length} transports: every message came back`).waitFor();
  const table = await demo.comparison();
  assert.deepEqual(table.map(([transport]) => transport), TRANSPORTS);
  for (const [transport, direct, gateway] of table) {
    assert.match(direct, TIME, transport);
    assert.match(gateway, TIME, transport);
  }
});

test("the page says what the gateway's clients get when its server is gone, and the direct service goes on", async (t) => {
  const upstream = await startEchoUpstream();
  upstream.stop();
  const vars = { SOCKJS_UPSTREAM: upstream.address, SOCKJS_TRANSPORTS: "xhr-streaming,xhr-polling", SOCKJS_LOG: "none" };
  const demo = await open(t, vars, { complaints: /ERR_INCOMPLETE_CHUNKED/ }); // the server ends before the page
  await demo.button("Try every transport").click();
  await demo.page.getByText(/failed$/).waitFor();
  for (const [transport, direct, gateway] of await demo.comparison()) {
    assert.match(direct, TIME, transport);
    assert.match(gateway, /^closed: \d{4} /, transport);
  }
  assert.equal(await demo.button("Try every transport").isEnabled(), true);
});

test("without a gateway the page shows none", async (t) => {
  const demo = await open(t, {});
  await demo.page.waitForFunction(() => performance.getEntriesByType("resource").some(({ name, responseEnd }) => name.endsWith("/about.json") && responseEnd > 0));
  await demo.card("websocket").is("open");
  assert.equal(await demo.page.getByRole("heading", { name: "Gateway" }).isVisible(), false);
});
