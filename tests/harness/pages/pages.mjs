// Pages with the stock client that the Worker itself serves. Their documents come from real servers: Chromium does not permit
// documents that its driver made up to access the local network.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import SockJS from "sockjs-client";
import { isLateFrame } from "./late-frames.mjs";

/**
 * Opens a page with `SockJS` in it, which iframes below any prefix load too.
 *
 * @param owner ends the page
 * @param browser from `startChromium`
 * @param {object} options
 * @param {string} options.url of the document
 * @param {string} options.service URL of a service, to load the client from
 * @param {() => void} [options.prepare] runs in the page before the client is loaded
 */
export async function openPage(owner, browser, { url, service, prepare }) {
  // A context of its own: pages in the same context would share six connections to a host, and the cookies.
  const context = await browser.newContext();
  const thrown = [];
  owner.after(async () => {
    await context.close();
    assert.deepEqual(thrown, [], "scripts of the page or of its iframes threw");
  });
  const page = await context.newPage();
  page.on("pageerror", (error) => isLateFrame(error) || thrown.push(error.message));
  if (prepare) await page.addInitScript(prepare);
  await page.goto(url);
  await page.addScriptTag({ url: `${service}/sockjs-${SockJS.version}.min.js` });
  return page;
}

/** Serves a document of another server than the Worker; resolves to its port. */
export async function serveDocument(owner) {
  const server = createServer((_, response) => {
    response.setHeader("Content-Type", "text/html; charset=UTF-8").end("<!DOCTYPE html><title>Another site</title>");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  owner.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return server.address().port;
}
