// Pages whose timers are throttled, as those of a tab in the background: browsers give it one timer a minute. The line by which a page
// says that it is there needs no timer, so the page stays connected. With SOCKJS_FULL (npm run held) also a tab that Chromium itself
// throttles, with the times that the options have by themselves.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import SockJS from "sockjs-client";
import { startChromium } from "../harness/clients/chromium.mjs";
import { openPage } from "../harness/pages/pages.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { until, within } from "../harness/waiting/wait.mjs";

const HEARTBEAT_MS = 1_000;
const SILENCE_MS = 3_000;
/** Time between two moments at which timers run: longer than a client may be silent. */
const TIMER_MS = 4_500;
const BACKGROUND_MS = 300_000;
/** Time after which Chromium gives a hidden tab one timer a minute; a little more than the flag says. */
const GRACE_MS = 20_000;

const LIVENESS = { SOCKJS_LIVENESS: "page" };
const HASTY = { ...LIVENESS, SOCKJS_HEARTBEAT_DELAY: String(HEARTBEAT_MS), SOCKJS_SILENCE_TIMEOUT: String(SILENCE_MS) };
/** Variables by who holds the WebSockets. */
const HOLDERS = { object: {}, Worker: { SOCKJS_WEBSOCKET_HOLDER: "worker" } };

const browser = await startChromium({ after });

describe("a page with one timer for several heartbeats", { concurrency: true }, () => {
  for (const [name, holder] of Object.entries(HOLDERS)) {
    test(`${name}: by the line it stays open`, async (t) => {
      const { page, end } = await connectThrottled(t, holder, (socket) => socket.send(""));
      await sleep(3 * TIMER_MS);
      // The client reports a close by a timer, which may be late.
      const answer = page.evaluate(() => window.echo("still here"));
      assert.equal(await within(answer, "an echo"), "still here");
      assert.equal(end(), undefined);
      const { heartbeats, timers, ms } = await page.evaluate(() => window.facts());
      t.diagnostic(`${heartbeats} heartbeats, timers ran ${timers} times`);
      assert.ok(heartbeats > 3, `${heartbeats} heartbeats`);
      assertRare(timers, ms, TIMER_MS);
    });

    test(`${name}: a page that answers by a timer is closed: so few timers are too few`, async (t) => {
      const { end } = await connectThrottled(t, holder, (socket) => setTimeout(() => socket.send(""), 0));
      await until(end, "the close", 10 * TIMER_MS);
      assert.deepEqual(end(), { code: 3000, reason: "No response from heartbeat" });
    });
  }
});

/** Opens a page that runs `answer` at each heartbeat. Its timers are throttled once it is connected. */
async function connectThrottled(t, holder, answer) {
  const { url } = await startServer(t, { vars: { ...HASTY, ...holder } });
  const service = `${url}/echo`;
  const page = await openPage(t, browser, { url: service, service });
  let closed;
  await page.exposeFunction("tellClosed", (end) => (closed = end));
  await page.evaluate(connect, { service, answer: `(${answer})`, timerMs: TIMER_MS });
  return { page, end: () => closed };
}

/** Runs in the page. */
async function connect({ service, answer, timerMs }) {
  const answers = (0, eval)(answer);
  const socket = new window.SockJS(service, null, { transports: "websocket", timeout: 15_000 });
  await new Promise((resolve) => (socket.onopen = resolve));
  const { setTimeout: native } = window;
  const late = (run, ms, ...rest) => native(run, (Math.floor((performance.now() + ms) / timerMs) + 1) * timerMs - performance.now(), ...rest);
  window.setTimeout = late;
  window.setInterval = (run, ...rest) => {
    const again = () => {
      run();
      late(again, ...rest);
    };
    late(again, ...rest);
  };
  const began = performance.now();
  let [heartbeats, timers] = [0, 0];
  window.echo = (message) => {
    socket.send(message);
    return new Promise((resolve) => (socket.onmessage = ({ data }) => resolve(data)));
  };
  window.facts = () => ({ heartbeats, timers, ms: performance.now() - began });
  setInterval(() => (timers += 1), 100);
  socket.onheartbeat = () => {
    heartbeats += 1;
    answers(socket);
  };
  socket.onclose = ({ code, reason }) => window.tellClosed({ code, reason });
}

/** Asserts that timers ran, and at most once in each `everyMs`. */
function assertRare(count, ms, everyMs) {
  assert.ok(count > 0 && count <= 1 + ms / everyMs, `timers ran ${count} times in ${ms} ms`);
}

if (process.env.SOCKJS_FULL) {
  describe(`a tab that Chromium throttles to one timer a minute, for ${BACKGROUND_MS / 60_000} minutes`, { concurrency: true }, async () => {
    const throttling = await startChromium({ after }, { throttles: true });
    for (const [name, holder] of Object.entries(HOLDERS)) {
      test(`${name}: it stays open`, async (t) => {
        const { url } = await startServer(t, { vars: { ...LIVENESS, ...holder, SOCKJS_HEARTBEAT_DELAY: "25000", SOCKJS_SILENCE_TIMEOUT: "90000" } });
        const { page, told } = await serveTab(t, `${url}/echo`);
        const hears = (wanted) => until(() => told.some(({ what }) => what === wanted), `the tab to be ${wanted}`);
        const session = await throttling.newBrowserCDPSession();
        const openTab = (url) => session.send("Target.createTarget", { url });
        await openTab(page);
        await hears("loaded");
        // Pages that the driver opens believe that they are visible.
        await openTab("about:blank");
        await hears("open");
        const began = performance.now();
        await sleep(BACKGROUND_MS);
        const count = (wanted, after) => told.filter(({ what, at }) => what === wanted && at > began + after).length;
        const timers = count("timer", GRACE_MS);
        t.diagnostic(`${count("heartbeat", 0)} heartbeats, ${timers} timers after ${GRACE_MS / 1_000} s`);
        assert.ok(told.every(({ what, isHidden }) => isHidden || what === "loaded"), "it is hidden");
        assert.equal(count("close", 0), 0);
        // The client reports a close by a timer, which may be late.
        assert.ok(count("heartbeat", BACKGROUND_MS - 60_000) > 0, "it is open to the end");
        assertRare(timers, BACKGROUND_MS, 60_000);
      });
    }
  });
}

/** Serves a page that connects once it is hidden, and reports by requests, which are not throttled. */
async function serveTab(t, service) {
  const told = [];
  const document = `<!DOCTYPE html><title>In the background</title><script src="${service}/sockjs-${SockJS.version}.min.js"></script>
    <script>
      const tell = (what) => fetch("/told?" + new URLSearchParams({ what, hidden: document.hidden }));
      const connect = () => {
        const socket = new SockJS(${JSON.stringify(service)}, null, { transports: "websocket", timeout: 15_000 });
        socket.onopen = () => tell("open");
        socket.onheartbeat = () => { socket.send(""); tell("heartbeat"); };
        socket.onclose = () => tell("close");
        (function tick() { tell("timer"); setTimeout(tick, 500); })();
      };
      if (document.hidden) connect();
      else addEventListener("visibilitychange", connect, { once: true });
      tell("loaded");
    </script>`;
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://tab");
    if (pathname === "/told") told.push({ what: searchParams.get("what"), isHidden: searchParams.get("hidden") === "true", at: performance.now() });
    response.setHeader("Content-Type", "text/html; charset=UTF-8").end(pathname === "/" ? document : "");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { page: `http://127.0.0.1:${server.address().port}/`, told };
}
