// The counts of the demo page: open pages, and the cost of the visitor's connections.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { dollarsOf, unitsOf } from "../../server/src/demo/prices.js";
import { startChromium } from "../harness/clients/chromium.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { until } from "../harness/waiting/wait.mjs";
import { openDemo } from "./demo-page.mjs";

const browser = await startChromium({ after });
const server = await startServer({ after }, { log: () => {} });

test("all open pages see how many they are, as one opens and as one closes", async (t) => {
  const first = await openDemo(t, browser, server.url);
  await first.counts(1);
  const second = await openDemo(t, browser, server.url);
  await first.counts(2);
  await second.counts(2);
  await second.page.close();
  await first.counts(1);
});

test("where WebSockets are off, the page counts nobody and uses no connection for that", async (t) => {
  const other = await startServer(t, { vars: { SOCKJS_WEBSOCKET: "false" }, log: () => {} });
  const demo = await openDemo(t, browser, other.url, { complaints: /ERR_INCOMPLETE_CHUNKED/ }); // its server ends first
  await demo.card("xhr-streaming").is("open");
  assert.equal(await demo.page.locator("#visitors").textContent(), "–");
});

for (const transport of ["websocket", "xhr-streaming", "iframe-xhr-polling"]) {
  test(`${transport}: the bill has each step, with the price of the table`, async (t) => {
    const demo = await openDemo(t, browser, server.url);
    await demo.card("websocket").is("open");
    await demo.ping(false);
    await demo.button("Disconnect").click();
    await demo.bills("Closed by page", 1);
    await demo.page.reload();
    await demo.pick(transport);
    const card = demo.card(transport);
    await card.is("open");
    await demo.ping(false);
    await demo.send("what does this cost?");
    await card.passes("in", '"what does this cost?"');
    await demo.button("Restart the object").click();
    await demo.bills("Restart", 1);
    await card.shows("restarts", "1 restart");
    await demo.button("Have the server close").click();
    await card.is("closed");
    await demo.bills("Closed by server", 1);
    assert.match(await demo.page.locator("#last-step").textContent(), new RegExp(`^closed by server over ${transport}, \\$0\\.0000\\d+$`));

    const rows = await demo.bill();
    // The first connection of the page, over a WebSocket, may have been closed while it opened.
    assert.ok(rows["Opened"].count >= 1);
    const million = Number(rows["Closed by server"].million.slice(1));
    const priced = dollarsOf(unitsOf("end", transport)) * 1e6;
    assert.ok(Math.abs(million - priced) < 0.01, `${million} and not ${priced}`);
    const sum = Object.values(rows).reduce((sum, { cost }) => sum + Number(cost.slice(1)), 0);
    const total = async () => Number((await demo.page.locator("#total").textContent()).slice(1));
    await until(async () => Math.abs((await total()) - sum) < 0.1 * sum, "the sum of the bill");
  });
}
