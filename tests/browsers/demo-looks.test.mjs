// The looks of the demo page and its accessibility: pictures of it in target/demo for review, and automatic checks: nothing
// sticks out, overlaps or is cut off, and axe-core finds no barrier.

import axe from "axe-core";
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { startEchoUpstream } from "../../scripts/start/echo-upstream.mjs";
import { TARGET_DIR } from "../../scripts/tools.mjs";
import { startChromium } from "../harness/clients/chromium.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { TRANSPORTS, openDemo } from "./demo-page.mjs";

const PICTURES = join(TARGET_DIR, "demo");
mkdirSync(PICTURES, { recursive: true });

const browser = await startChromium({ after });
const upstream = await startEchoUpstream();
after(() => upstream.stop());
const server = await startServer({ after }, { vars: { SOCKJS_UPSTREAM: upstream.address }, log: () => {} });

const SIZES = { desktop: { width: 1280, height: 900 }, tablet: { width: 768, height: 1024 }, phone: { width: 360, height: 780 } };

/** The states of the page, by name. Each function brings the page into its state. */
const SCENES = {
  async single(demo) {
    const card = demo.card("websocket");
    await card.is("open");
    await demo.send("A message that is long enough to be broken on a phone, with somethingthathasnospacesatallandgoesonforalongtimewithoutthem");
    await card.passes("in", "A message that");
    await card.plots();
    await demo.join({ name: "A visitor with a long name" });
    await demo.say("Good morning! https://example.com/a/long/address/that/goes/on/and/on/and/on/and/on/without/a/space");
    await demo.reads("A visitor", "Good morning");
  },
  async together(demo) {
    await demo.pick("all at once");
    for (const transport of TRANSPORTS) await demo.card(transport).is("open");
    for (const transport of TRANSPORTS) await demo.card(transport).plots();
    await demo.button("Restart the object").click();
    for (const transport of TRANSPORTS) await demo.card(transport).shows("restarts", "1 restart");
  },
  async counted(demo) {
    await demo.button("Try every transport").click();
    await demo.page.getByText("every message came back").waitFor();
    await demo.page.getByText("Prices and rules").click();
    await demo.button("Restart the object").click();
    await demo.bills("Restart", 1);
    await demo.button("Have the server close").click();
    await demo.bills("Closed by server", 1);
  },
  async closed(demo) {
    await demo.pick("xhr-streaming");
    await demo.card("xhr-streaming").is("open");
    await demo.button("Have the server close").click();
    await demo.card("xhr-streaming").is("closed");
  },
};

for (const colorScheme of ["light", "dark"]) {
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const [scene, show] of Object.entries(SCENES)) {
      test(`${scene}, ${colorScheme}, ${size}: all can be read and used`, async (t) => {
        const { page, passes } = await look(t, `${scene}-${colorScheme}-${size}`, show, { viewport, colorScheme });
        assert.deepEqual(await page.evaluate(misplaced), []);
        assert.ok(passes.some(({ id }) => id === "color-contrast"), "the contrast was looked at");
      });
    }
  }
}

/** 1280 pixels at four times the size, of which nobody should have to scroll in two directions. */
for (const [scene, show] of Object.entries(SCENES)) {
  test(`${scene}, 320 pixels wide: all can be read and used`, async (t) => {
    const { page } = await look(t, `${scene}-narrow`, show, { viewport: { width: 320, height: 256 } });
    assert.deepEqual(await page.evaluate(misplaced), []);
  });
}

test("with the visitor's own colors what was told apart by a background has an edge", async (t) => {
  const { page } = await look(t, "single-forced-colors", SCENES.single, { forcedColors: "active" });
  assert.deepEqual(await page.evaluate(misplaced), []);
  for (const piece of [".state", ".plot", ".frames", "#log"]) {
    assert.equal(await page.locator(piece).first().evaluate((element) => getComputedStyle(element).borderStyle), "solid", piece);
  }
});

/** Brings the page there, takes its picture, and finds nothing that keeps anybody out. */
async function look(t, picture, show, options) {
  const demo = await openDemo(t, browser, server.url, { reducedMotion: "reduce", ...options });
  await show(demo);
  const { page } = demo;
  await page.screenshot({ path: join(PICTURES, `${picture}.png`), fullPage: true });
  // Not its file as a script of the page: that has a policy.
  await page.evaluate(axe.source);
  const { violations, passes } = await page.evaluate(() => window.axe.run());
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join("\n")}`), []);
  return { page, passes };
}

test("a visitor who wants no motion sees none", async (t) => {
  for (const [reducedMotion, moves] of [["reduce", false], ["no-preference", true]]) {
    const demo = await openDemo(t, browser, server.url, { reducedMotion });
    const name = await demo.card("websocket").part("heartbeats").evaluate((element) => {
      element.classList.add("beat");
      return getComputedStyle(element).animationName;
    });
    assert.equal(name !== "none", moves);
  }
});

/** Runs in the page: what sticks out of the window, is cut off, or lies upon something else. */
function misplaced() {
  const found = [];
  const name = (element) => `${element.localName}.${element.id || element.className || element.dataset.part || element.textContent.slice(0, 20)}`;
  const hidden = (element) => element.closest(".spoken, .skip, template, [hidden], iframe, form[target]") || !element.checkVisibility();
  const below = document.documentElement.scrollHeight - Math.max(innerHeight, document.body.getBoundingClientRect().bottom + scrollY);
  if (below > 1) found.push(`${below} pixels of nothing below the page`);
  const scrolls = (element) => element.closest(".frames, #log");
  for (const element of document.body.querySelectorAll("*")) {
    if (hidden(element)) continue;
    const box = element.getBoundingClientRect();
    if (!scrolls(element) && (box.left < -0.5 || box.right > innerWidth + 0.5)) found.push(`sticks out: ${name(element)}`);
    if (!element.matches("svg, svg *, input") && element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0) {
      found.push(`cut off: ${name(element)}`);
    }
  }
  const pieces = [...document.querySelectorAll("button, .button, .field, .check, .chips label, .card, .state, h1, h2, h3, dl > div, th, td, summary, .plot, .trips p, #news, .hint, .frames, .people li")];
  const boxes = pieces.filter((piece) => !hidden(piece)).map((piece) => [piece, piece.getBoundingClientRect()]);
  for (const [at, [one, a]] of boxes.entries()) {
    for (const [other, b] of boxes.slice(at + 1)) {
      const apart = a.right <= b.left + 0.5 || b.right <= a.left + 0.5 || a.bottom <= b.top + 0.5 || b.bottom <= a.top + 0.5;
      if (!apart && !one.contains(other) && !other.contains(one)) found.push(`overlap: ${name(one)} and ${name(other)}`);
    }
  }
  return found;
}
