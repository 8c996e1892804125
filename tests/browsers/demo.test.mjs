// The demo page, in plain workerd and in Miniflare: every control of it, over every transport.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { startChromium } from "../harness/clients/chromium.mjs";
import { startMiniflare } from "../harness/servers/miniflare.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { DemoPage, TRANSPORTS, openDemo } from "./demo-page.mjs";

const browser = await startChromium({ after });
/** Suppresses the output for each object that is restarted. */
const quiet = { log: () => {} };

for (const [name, start] of Object.entries({ "plain workerd": startServer, Miniflare: startMiniflare })) {
  describe(name, { concurrency: 2 }, async () => {
    const server = await start({ after }, quiet);
    const open = (t, options) => openDemo(t, browser, server.url, options);

    test(`${name}: without a click the page is connected, and the first messages come back`, async (t) => {
      const demo = await open(t);
      const card = demo.card("websocket");
      await card.is("open");
      // On a busy machine in one frame with what the server said before, or by another connection than the first.
      await card.passes("in", /"ping \d+"/);
      await card.plots();
    });

    for (const transport of TRANSPORTS) {
      test(`${name}, ${transport}: a message comes back, and the next one after a restart of the object`, async (t) => {
        const demo = await open(t);
        await demo.pick(transport);
        const card = demo.card(transport);
        await card.is("open");
        await card.passes("in", /^.*o$/);
        await demo.send("before the restart");
        await card.passes("out", '["before the restart"]');
        await card.passes("in", '"before the restart"');
        const session = await card.text("session");
        const object = await card.text("object");

        await demo.button("Restart the object").click();
        await card.passes("in", "* restarting");
        await card.shows("restarts", "1 restart");
        await demo.hears("the session lives on in a new object");
        await demo.send("after the restart");
        await card.passes("in", '"after the restart"');
        await card.plots();

        assert.notEqual(await card.text("object"), object);
        assert.equal(await card.text("session"), session);
        assert.equal(await card.text("reconnects"), "0");
        assert.match(await card.text("messages"), /, 0 lost$/);
      });
    }

    test(`${name}: all at once are told one thing, and live through one restart`, async (t) => {
      const demo = await open(t);
      await demo.pick("all at once");
      for (const transport of TRANSPORTS) await demo.card(transport).is("open");
      await demo.send("to all of you");
      for (const transport of TRANSPORTS) await demo.card(transport).passes("in", '"to all of you"');
      await demo.button("Restart the object").click();
      for (const transport of TRANSPORTS) {
        await demo.card(transport).shows("restarts", "1 restart");
      }
      await demo.send("still there?");
      for (const transport of TRANSPORTS) await demo.card(transport).passes("in", '"still there?"');
    });

    test(`${name}: the visitor or the server closes, the page says who and why, and connects again`, async (t) => {
      const demo = await open(t);
      for (const transport of ["websocket", "xhr-polling"]) {
        await demo.pick(transport);
        const card = demo.card(transport);
        await card.is("open");
        await demo.button("Have the server close").click();
        await card.is("closed");
        await card.passes("in", 'c[3000,"You asked the server to close"]');
        await card.shows("end", "Last close: 3000 You asked the server to close");
        await demo.button("Connect").click();
        await demo.card(transport).is("open");
        await demo.button("Disconnect").click();
        await demo.card(transport).shows("end", "Last close: 1000 Normal closure");
        assert.equal(await demo.button("Restart the object").isDisabled(), true);
      }
    });

    test(`${name}: a connection that nobody uses gets heartbeats`, async (t) => {
      const demo = await open(t);
      await demo.pick("all at once");
      for (const transport of TRANSPORTS) await demo.card(transport).is("open");
      await demo.ping(false);
      for (const transport of TRANSPORTS) {
        await demo.card(transport).element.locator('[data-part="heartbeats"]:not(:text-is("0"))').waitFor();
        await demo.card(transport).element.locator("li.in code:text-is('h')").first().waitFor();
      }
      await demo.ping(true);
      for (const transport of TRANSPORTS) await demo.card(transport).passes("in", "ping");
    });

    test(`${name}: windows meet in the chat over different transports`, async (t) => {
      const ada = await open(t);
      await ada.join({ name: "Ada", over: "iframe-eventsource" });
      await ada.sees(["Ada", "eventsource"]);
      const window = ada.page.waitForEvent("popup");
      await ada.page.getByRole("link", { name: "Open a second window" }).click();
      const bob = new DemoPage(await window);
      await bob.joined();
      await bob.button("Leave").click();
      await ada.sees(["Ada", "eventsource"]);
      await bob.join({ name: "Bob", over: "jsonp-polling" });
      await ada.sees(["Ada", "eventsource"], ["Bob", "jsonp-polling"]);
      await bob.sees(["Ada", "eventsource"], ["Bob", "jsonp-polling"]);
      await ada.say("Are you there?");
      await bob.reads("Ada", "Are you there?");
      await bob.say("I am: <b>here</b>");
      await ada.reads("Bob", "I am: <b>here</b>");
      const address = bob.page.url();
      await bob.page.getByRole("link", { name: "Skip to the connection" }).press("Enter");
      await bob.page.locator("#connection:focus").waitFor();
      await bob.page.waitForURL(address);
      await ada.button("Leave").click();
      await bob.sees(["Bob", "jsonp-polling"]);
    });

    test(`${name}: the keyboard reaches every control and works it`, async (t) => {
      const demo = await open(t);
      const { page } = demo;
      await demo.card("websocket").is("open");
      const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.name || document.activeElement.dataset.part || document.activeElement.className);
      const tab = async (times = 1) => {
        for (; times > 0; times--) await page.keyboard.press("Tab");
        return focused();
      };
      assert.equal(await tab(), "skip");
      const session = await demo.card("websocket").text("session");
      await page.keyboard.press("Enter");
      assert.equal(await focused(), "connection");
      assert.equal(await tab(), "transport");
      assert.equal(await demo.card("websocket").text("session"), session, "the page is the same");
      await page.keyboard.press("ArrowRight");
      await demo.card("xhr-streaming").is("open");
      const order = [];
      for (let i = 0; i < 13; i++) order.push(await tab());
      const expected = ["connect", "restart", "server-close", "pings", "message", "send", "frames", "price-list", "name", "over", "join-button", "second", "log"];
      assert.deepEqual(order, expected);
      await page.keyboard.press("Shift+Tab");
      await page.keyboard.press("Shift+Tab");
      await page.keyboard.press("Enter");
      await demo.joined();
      await page.getByLabel("Say", { exact: true }).focus();
      await page.keyboard.type("by keyboard");
      await page.keyboard.press("Enter");
      await demo.reads("Guest", "by keyboard");
    });
  });
}

test("of many messages that come back in short order the page tells the last, and shows all", async (t) => {
  const server = await startServer(t, quiet);
  const demo = await openDemo(t, browser, server.url);
  await demo.card("websocket").is("open");
  for (let i = 1; i <= 9; i++) await demo.send(`message ${i}`);
  await demo.hears("“message 9” came back");
  for (let i = 1; i <= 9; i++) await demo.card("websocket").passes("in", `a["message ${i}"]`);
  const told = await demo.page.locator("#news").textContent();
  assert.ok(told.split(" came back").length - 1 <= 3, told);
});

test("without scripts the page says that it needs them", async (t) => {
  const server = await startServer(t, quiet);
  const demo = await openDemo(t, browser, server.url, { javaScriptEnabled: false });
  await demo.page.locator("noscript p", { hasText: "it needs JavaScript" }).waitFor();
});

test("a page whose server is gone comes back when that does", async (t) => {
  const server = await startServer(t, quiet);
  const demo = await openDemo(t, browser, server.url, { complaints: /ERR_|WebSocket connection/ });
  const card = demo.card("websocket");
  await card.is("open");
  await server.kill();
  await card.is("waiting");
  await card.part("end").filter({ hasText: /^Last close: 1006/ }).waitFor();
  await server.start();
  await card.is("open");
  assert.notEqual(await card.text("reconnects"), "0");
  await demo.send("back again");
  await card.passes("in", '"back again"');
});
