// The demo page where a deployment has settings of its own: tickets, origins, limits, fewer transports.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { startChromium } from "../harness/clients/chromium.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { TRANSPORTS, openDemo } from "./demo-page.mjs";

const browser = await startChromium({ after });

/** Settings of possible deployments. */
const DEPLOYMENTS = {
  "tickets and a list of origins": {
    SOCKJS_TEST_SERVICES: "false",
    SOCKJS_TICKETS: "true",
    SOCKJS_TICKET_KEYS: "a key of at least thirty-two characters",
    SOCKJS_ALLOWED_ORIGINS: "https://example.com",
  },
  "other limits, placement and client": {
    SOCKJS_MESSAGE_LIMIT: "1048576",
    SOCKJS_QUEUE_LIMIT: "2097152",
    SOCKJS_PLACEMENT: "room",
    SOCKJS_SOCKJS_URL: "https://elsewhere.example/sockjs.js",
    SOCKJS_JSESSIONID: "true",
  },
};

for (const [name, vars] of Object.entries(DEPLOYMENTS)) {
  describe(`with ${name}`, async () => {
    const server = await startServer({ after }, { vars, log: () => {} });

    test(`with ${name}, the page works as well`, async (t) => {
      const demo = await openDemo(t, browser, server.url, { complaints: /blocked by CORS policy|ERR_FAILED|403/ });
      await demo.pick("all at once");
      // With the list the server has no second name on this machine, and HTTP/1.1 not enough connections for all.
      const together = name.startsWith("tickets") ? TRANSPORTS.slice(0, 5) : TRANSPORTS;
      for (const transport of together) await demo.card(transport).is("open");
      await demo.send("hello");
      for (const transport of together) await demo.card(transport).passes("in", '"hello"');
      for (const transport of TRANSPORTS.slice(together.length)) {
        await demo.card(transport).part("end").filter({ hasText: /^Pick it alone/ }).waitFor();
        await demo.pick(transport);
        await demo.card(transport).is("open");
        await demo.pick("all at once");
      }
      await demo.join({ name: "Ada", over: "xhr-polling" });
      await demo.say("hello");
      await demo.reads("Ada", "hello");
    });
  });
}

describe("with fewer transports", async () => {
  const vars = { SOCKJS_TRANSPORTS: "eventsource,xhr-polling", SOCKJS_WEBSOCKET: "false", SOCKJS_DISABLE_CORS: "true" };
  const server = await startServer({ after }, { vars, log: () => {} });

  test("the page offers what the server offers", async (t) => {
    const demo = await openDemo(t, browser, server.url);
    await demo.card("eventsource").is("open");
    for (const transport of TRANSPORTS) {
      const radio = demo.page.getByRole("radio", { name: transport, exact: true });
      assert.equal(await radio.isEnabled(), ["eventsource", "xhr-polling"].includes(transport), transport);
    }
  });
});
