// Late frames, as a browser reports them, and a page's own errors of the same words.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startChromium } from "../clients/chromium.mjs";
import { startServer } from "../servers/server.mjs";
import { until } from "../waiting/wait.mjs";
import { isLateFrame } from "./late-frames.mjs";

const browser = await startChromium({ after });
const server = await startServer({ after });

test("frames for receivers that are gone are late, and a page's own errors are not", async (t) => {
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  const late = [];
  const own = [];
  page.on("pageerror", (error) => (isLateFrame(error) ? late : own).push(error.message));
  await page.goto(`${server.url}/echo`);
  await page.evaluate(() => {
    window._jp = {};
    document.head.append(Object.assign(document.createElement("script"), { src: "/echo/000/jsonp/jsonp?ticket=any&c=_jp.gone" }));
    document.body.append(Object.assign(document.createElement("iframe"), { src: "/echo/000/htmlfile/htmlfile?c=_jp.gone" }));
    for (const fails of [() => undefined.message, () => _jp.gone()]) setTimeout(fails);
  });
  await until(() => late.length + own.length >= 5, "five errors");
  const reading = (name) => `Cannot read properties of undefined (reading '${name}')`;
  assert.deepEqual(late.toSorted(), [reading("message"), reading("start"), "_jp.gone is not a function"]);
  assert.deepEqual(own.toSorted(), [reading("message"), "_jp.gone is not a function"]);
});
