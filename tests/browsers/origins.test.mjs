// With a list of origins and tickets: pages on the list connect as ever, others get nowhere.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { startChromium } from "../harness/clients/chromium.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { readObjects } from "../harness/servers/storage.mjs";
import { until, within } from "../harness/waiting/wait.mjs";
import { TRANSPORTS, testTransports } from "./matrix.mjs";
import { connectInPage } from "../harness/pages/page-socket.mjs";
import { openPage, serveDocument } from "../harness/pages/pages.mjs";
import { defineXDomainRequest } from "./xdomain-request.mjs";

const browser = await startChromium({ after });
const friend = `http://localhost:${await serveDocument({ after })}`;
const stranger = `http://localhost:${await serveDocument({ after })}`;
const LIST = { SOCKJS_ALLOWED_ORIGINS: friend };
const TICKETS = { SOCKJS_TICKETS: "true", SOCKJS_TICKET_KEYS: "a key of at least thirty-two characters" };

const server = await startServer({ after }, { vars: { ...LIST, ...TICKETS } });
testTransports(browser, server, { "the same origin": `${server.url}/echo`, "another site on the list": friend }, 40);

/** Attacks of a page that does not use the client, by name: each resolves to true if it got any data. */
const ATTACKS = {
  fetch: async (url) => {
    const response = await fetch(`${url}/xhr`, { method: "POST", credentials: "include" });
    return response.ok;
  },
  "fetch without CORS": async (url) => {
    await fetch(`${url}/xhr_send`, { method: "POST", mode: "no-cors", body: '["x"]' });
    return false; // it can read nothing; what the server did is seen in its storage
  },
  EventSource: (url) =>
    new Promise((resolve) => {
      const source = new EventSource(`${url}/eventsource`);
      source.onmessage = () => resolve(true);
      source.onerror = () => resolve(false);
    }),
  WebSocket: (url) =>
    new Promise((resolve) => {
      const socket = new WebSocket(`${url.replace("http", "ws")}/websocket`);
      socket.onopen = () => resolve(true);
      socket.onerror = () => resolve(false);
    }),
  JSONP: (url) =>
    new Promise((resolve) => {
      window.stolen = () => resolve(true);
      const script = document.createElement("script");
      script.src = `${url}/jsonp?c=stolen`;
      script.onerror = script.onload = () => resolve(false);
      document.body.append(script);
    }),
  "form post": (url) =>
    new Promise((resolve) => {
      const frame = document.createElement("iframe");
      frame.name = "target";
      const form = document.createElement("form");
      Object.assign(form, { action: `${url}/jsonp_send`, method: "POST", target: "target" });
      document.body.append(frame, form);
      frame.onload = () => resolve(false);
      form.submit();
    }),
  htmlfile: (url) =>
    new Promise((resolve) => {
      window.stolen = { start: () => resolve(true), message: () => resolve(true), stop: () => resolve(true) };
      const frame = document.createElement("iframe");
      frame.src = `${url}/htmlfile?c=stolen`;
      frame.onload = () => resolve(false);
      document.body.append(frame);
    }),
};

for (const [name, vars] of Object.entries({ "a list and tickets": { ...LIST, ...TICKETS }, "a list alone": LIST })) {
  describe(`with ${name}, a page that is not on the list`, { concurrency: 2 }, async () => {
    // One of its own: objects of other tests come and go.
    const guarded = await startServer({ after }, { vars });
    const echo = `${guarded.url}/echo`;

    for (const transport of TRANSPORTS) {
      test(`gets nowhere with the stock client over ${transport}`, async (t) => {
        const prepare = transport.startsWith("xdr-") ? defineXDomainRequest : undefined;
        const page = await openPage(t, browser, { url: stranger, service: echo, prepare });
        await assert.rejects(connectInPage(page, echo, transport), /the connection was closed: (1002|2000)/);
      });
    }

    for (const [attack, run] of Object.entries(ATTACKS)) {
      test(`gets nothing by ${attack}, and no object is asked`, async (t) => {
        const page = await openPage(t, browser, { url: stranger, service: echo });
        const attempt = page.evaluate(run, `${echo}/000/${attack.replaceAll(" ", "-")}`).catch(() => false);
        const got = await within(attempt, "the attempt to fail");
        assert.equal(got, false);
        assert.deepEqual(Object.keys(readObjects(guarded.objects)), []);
      });
    }
  });
}

describe("without a list, the same page", { concurrency: 2 }, async () => {
  const open = await startServer({ after });
  for (const [attack, run] of Object.entries(ATTACKS)) {
    test(`gets to an object by ${attack}, so that the tests above can fail`, async (t) => {
      const page = await openPage(t, browser, { url: stranger, service: `${open.url}/echo` });
      let got = false;
      // An htmlfile of another origin loads for ever, and its scripts reach nothing in the page.
      page.evaluate(run, `${open.url}/echo/000/${attack.replaceAll(" ", "-")}`).then((result) => (got = result), () => {});
      await until(() => got || Object.keys(readObjects(open.objects)).length > 0, "the page to get to an object");
    });
  }
});

test("a page that is not on the list cannot frame what iframes load", async (t) => {
  for (const vars of [{ ...LIST, ...TICKETS }, LIST]) {
    const guarded = await startServer(t, { vars });
    const page = await openPage(t, browser, { url: stranger, service: `${guarded.url}/echo` });
    const started = await page.evaluate(
      (url) =>
        new Promise((resolve) => {
          window.onmessage = () => resolve(true); // the client in the frame says that it is there
          const frame = document.createElement("iframe");
          frame.src = `${url}/echo/iframe.html#1`;
          frame.onload = () => resolve(false);
          document.body.append(frame);
        }),
      guarded.url,
    );
    assert.equal(started, false);
  }
});
