// The examples' pages, used by people: typing, clicking and reading, in Chromium. They load their clients from one public host,
// for which the test answers, and nothing else from another host.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { example } from "../../scripts/examples.mjs";
import { startChromium } from "../harness/clients/chromium.mjs";
import { isLateFrame } from "../harness/pages/late-frames.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { DEADLINE_MS } from "../harness/waiting/wait.mjs";
import { PUBLIC_HOST, publicFile } from "./page-scripts.mjs";

const TOKEN = "a token of at least 32 characters";

const browser = await startChromium({ after });

test("chat: people in a room see who is there and what they say, and later what was said", async (t) => {
  const { url } = await startServer(t, example("chat"));
  const ada = await openPage(t, `${url}/#garden`);
  const bob = await openPage(t, `${url}/#garden`);
  const carl = await openPage(t, url);
  for (const [page, name] of [[ada, "Ada"], [bob, "Bob"], [carl, "Carl"]]) {
    // Whichever transport was the first to open in time: on a busy machine that need not be the WebSocket.
    await page.waitForFunction(() => /^\([a-z]+(-[a-z]+)*\)$/.test(document.querySelector("#state").textContent));
    await page.fill("[name=nickname]", name);
    await page.click("text=That's me");
  }
  for (const page of [ada, bob]) await shows(page, "#present", "Ada, Bob");
  await shows(carl, "#present", "Carl");

  for (const [page, text] of [[ada, "<b>hello</b>"], [bob, "hi"]]) {
    await page.fill("[name=text]", text);
    await page.click("text=Say it");
    for (const each of [ada, bob]) await shows(each, "#said li:last-child", `${page === ada ? "Ada" : "Bob"}: ${text}`);
  }
  await bob.reload();
  await shows(bob, "#said", "Ada: <b>hello</b>Bob: hi");
  await shows(ada, "#present", "Ada");
  assert.equal(await carl.locator("#said li").count(), 0);
});

test("multiplex: three channels over one connection", async (t) => {
  const { url } = await startServer(t, example("multiplex"));
  const page = await openPage(t, url);
  await shows(page, "#ann ul", "openAnn says hi!");
  await shows(page, "#bob ul", "openBob doesn't agree.");
  await shows(page, "#carl ul", "openCarl says goodbye!closed");
  await page.fill("#ann input", "one, two");
  await page.click("#ann button");
  await shows(page, "#ann li:last-child", "Ann nods: one, two");
});

test("ticker: the page shows what comes", async (t) => {
  const { url } = await startServer(t, { ...example("ticker"), vars: { PUSH_TOKEN: TOKEN } });
  const page = await openPage(t, url);
  await page.waitForSelector("#ticks li");
  const headers = { Authorization: `Bearer ${TOKEN}` };
  await fetch(`${url}/push`, { method: "POST", headers, body: JSON.stringify({ room: "/ticker", message: "tick, tock" }) });
  await shows(page, "#ticks li:first-child", "tick, tock");
});

test("quiz: the page shows the question, takes an answer, and shows the count and the delay", async (t) => {
  const { url } = await startServer(t, { ...example("quiz"), vars: { PUSH_TOKEN: TOKEN } });
  const page = await openPage(t, url);
  await page.waitForFunction(() => document.querySelector("#state").textContent.startsWith("(w"));
  const headers = { Authorization: `Bearer ${TOKEN}` };
  await fetch(`${url}/ask`, { method: "POST", headers, body: JSON.stringify({ ask: { text: "Tea or coffee?", answers: ["tea", "coffee"] } }) });
  await shows(page, "#text", "Tea or coffee?");
  await page.click("button >> text=coffee");
  await shows(page, "#count", "1");
  await page.waitForFunction(() => Number(document.querySelector("#delay").textContent) >= 0);
});

test("stomp: the page shows what another one sends", async (t) => {
  const { url } = await startServer(t, example("stomp"));
  const pages = [await openPage(t, url), await openPage(t, url)];
  for (const page of pages) await shows(page, "#state", "connected");
  for (const [number, page] of pages.entries()) {
    await page.fill("[name=text]", `from page ${number}`);
    await page.click("text=Send");
    for (const each of pages) await shows(each, "#news li:first-child", `from page ${number}`);
  }
});

async function openPage(owner, url) {
  const context = await browser.newContext();
  const wrong = [];
  owner.after(async () => {
    await context.close();
    assert.deepEqual(wrong, []);
  });
  const page = await context.newPage();
  page.setDefaultTimeout(DEADLINE_MS);
  page.on("pageerror", (error) => isLateFrame(error) || wrong.push(error.message));
  await page.route(`https://${PUBLIC_HOST}/**`, (route) => {
    const headers = { "Access-Control-Allow-Origin": "*", "Content-Type": "application/javascript; charset=utf-8" };
    return route.fulfill({ headers, body: publicFile(route.request().url()) });
  });
  page.on("request", (request) => {
    if (![new URL(url).host, PUBLIC_HOST].includes(new URL(request.url()).host)) wrong.push(`a request to ${request.url()}`);
  });
  await page.goto(url);
  return page;
}

/** Waits until exactly this text is at that place. */
async function shows(page, selector, text) {
  const isThere = ([selector, text]) => document.querySelector(selector)?.textContent === text;
  await page.waitForFunction(isThere, [selector, text]).catch(async (error) => {
    const instead = await page.locator(selector).allTextContents();
    throw new Error(`${selector} does not show ${text}, but ${instead}`, { cause: error });
  });
}
