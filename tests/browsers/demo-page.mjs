// The demo page, and what a visitor does with it.

import assert from "node:assert/strict";
import { isLateFrame } from "../harness/pages/late-frames.mjs";
import { until } from "../harness/waiting/wait.mjs";

/** Times are the machine's: nine connections on two busy cores are slow, and nothing here is about speed. */
const DEADLINE_MS = 60_000;

/** The stock client's transports in a current browser. */
export const TRANSPORTS = [
  "websocket",
  "xhr-streaming",
  "eventsource",
  "htmlfile",
  "jsonp-polling",
  "xhr-polling",
  "iframe-eventsource",
  "iframe-htmlfile",
  "iframe-xhr-polling",
];

/**
 * Opens the page in a context of its own.
 *
 * @param owner what the page ends with; it fails when a script threw, or the browser reported an error
 * @param browser from `startChromium`
 * @param {string} url of the Worker
 * @param {object} [options] of the context, beside `complaints`: errors that are expected
 */
export async function openDemo(owner, browser, url, { complaints = /^$/, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(DEADLINE_MS);
  const heard = [];
  context.on("page", (page) => {
    page.on("pageerror", (error) => isLateFrame(error) || heard.push(error.message));
    page.on("console", (message) => message.type() === "error" && heard.push(message.text()));
  });
  owner.after(async () => {
    await context.close();
    assert.deepEqual(heard.filter((text) => !complaints.test(text)), [], "the browser complained");
  });
  const page = await context.newPage();
  await page.goto(`${url}/`);
  return new DemoPage(page);
}

export class DemoPage {
  constructor(page) {
    this.page = page;
  }

  async pick(transport) {
    await this.page.getByRole("radio", { name: transport, exact: true }).check();
  }

  button(name) {
    return this.page.getByRole("button", { name, exact: true });
  }

  card(transport) {
    return new DemoCard(this.page.getByRole("article", { name: transport, exact: true }));
  }

  async send(text) {
    await this.page.getByLabel("Message", { exact: true }).fill(text);
    await this.button("Send").click();
  }

  async hears(news) {
    await this.page.locator("#news", { hasText: news }).waitFor();
  }

  /** Turns the pings off and on. */
  async ping(on) {
    await this.page.getByRole("checkbox", { name: "Ping every second" }).setChecked(on);
  }

  /** Waits until the page says that so many pages are open. */
  async counts(pages) {
    await this.page.locator(`#visitors:text-is("${pages}")`).waitFor();
  }

  /** Waits until the bill has so many of that step. */
  async bills(step, count) {
    await this.page.locator("#steps tr", { hasText: step }).locator(`td:nth-of-type(1):text-is("${count}")`).waitFor();
  }

  /** Returns the bill: `{ count, cost, million }` by step. */
  async bill() {
    const rows = await this.#rows("#steps");
    return Object.fromEntries(rows.map(([step, count, cost, million]) => [step, { count: Number(count), cost, million }]));
  }

  /** Returns the rows of the comparison with the gateway. */
  comparison() {
    return this.#rows("#comparison");
  }

  #rows(table) {
    return this.page.locator(`${table} tr`).evaluateAll((rows) => rows.map((row) => [...row.cells].map((cell) => cell.innerText)));
  }

  async join({ name, over }) {
    if (name) await this.page.getByLabel("Name", { exact: true }).fill(name);
    if (over) await this.page.getByLabel("Over", { exact: true }).selectOption(over);
    await this.button("Join").click();
    await this.joined();
  }

  async joined() {
    await this.page.locator("#chat-state[data-state=open]").waitFor();
  }

  async say(text) {
    await this.page.getByLabel("Say", { exact: true }).fill(text);
    await this.button("Say it").click();
  }

  /** Waits until that was said by that person. */
  async reads(name, text) {
    await this.page.getByRole("log").getByRole("listitem").filter({ hasText: name }).filter({ hasText: text }).waitFor();
  }

  /** Waits until these are present, by name, with how they are connected, and nobody else. */
  async sees(...people) {
    const present = this.page.getByRole("list", { name: "Present" });
    for (const [name, transport] of people) {
      await present.getByRole("listitem").filter({ hasText: name }).filter({ hasText: transport }).waitFor();
    }
    const alone = async () => (await present.getByRole("listitem").count()) === people.length;
    await until(alone, `${people.length} to be present`, DEADLINE_MS);
  }
}

class DemoCard {
  constructor(element) {
    this.element = element;
  }

  part(name) {
    return this.element.locator(`[data-part="${name}"]`);
  }

  text(name) {
    return this.part(name).textContent();
  }

  /** Waits until that part says so, all of it. */
  async shows(name, text) {
    await this.element.locator(`[data-part="${name}"]:text-is("${text}")`).waitFor();
  }

  async is(state) {
    await this.element.locator(`[data-part="state"][data-state="${state}"]`).waitFor();
  }

  /** Waits for a frame of the way "in" or "out". */
  async passes(way, text) {
    try {
      await this.element.locator(`li.${way}`, { hasText: text }).first().waitFor();
    } catch (error) {
      throw new Error(`${text} did not pass. What did: ${await this.element.innerText()}`, { cause: error });
    }
  }

  /** Waits until round trips are plotted. */
  async plots() {
    await this.element.locator('polyline[points*=" "]').waitFor({ state: "attached" });
  }
}
