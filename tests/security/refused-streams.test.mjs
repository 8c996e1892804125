// A receiver that its object refuses: the stock client asks again at once when a response ends with nothing, so it gets a close
// frame, and not at once. tests/browsers/refused.test.mjs has the transports that take a browser.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import SockJS from "sockjs-client";
import { start } from "../harness/clients/http.mjs";
import { signTicket } from "../harness/clients/signing.mjs";
import { StockClient } from "../harness/clients/stock-client.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { within } from "../harness/waiting/wait.mjs";

const KEY = "a key of at least thirty-two characters";
const LATE_MS = 300_000;
const TICKETS = { SOCKJS_TICKETS: "true", SOCKJS_TICKET_KEYS: KEY };

/** Passes requests on, counts those for a session, and answers /info with a `base_url` that a client has had for long. */
async function startFront(t, target, query) {
  let asked = 0;
  const server = createServer(async (incoming, outgoing) => {
    if (incoming.url.startsWith("/echo/info")) {
      const info = { websocket: true, origins: ["*:*"], cookie_needed: false, entropy: 1 };
      return outgoing.end(JSON.stringify({ ...info, base_url: `http://127.0.0.1:${server.address().port}/echo${query}` }));
    }
    asked++;
    const body = await Array.fromAsync(incoming);
    const answer = await fetch(target + incoming.url, { method: incoming.method, body: incoming.method === "POST" ? Buffer.concat(body) : undefined });
    outgoing.writeHead(answer.status, { "Content-Type": answer.headers.get("content-type") ?? "text/plain" });
    for await (const chunk of answer.body ?? []) outgoing.write(chunk);
    outgoing.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}/echo`, asked: () => asked };
}

async function closeOf(t, url, transport) {
  const client = new StockClient(new SockJS(url, null, { transports: transport, timeout: 20_000 }));
  client.opened.catch(() => {});
  t.after(() => client.close());
  const began = performance.now();
  const closed = await within(client.closed, "the client to be closed");
  return { ...closed, seconds: (performance.now() - began) / 1000 };
}

const LATE = { code: 1008, reason: "The ticket is not for this session." };

for (const transport of ["xhr-streaming", "eventsource"]) {
  test(`a stock client whose ticket is too old is closed, and does not repeat its request in a loop: ${transport}`, async (t) => {
    const server = await startServer(t, { vars: TICKETS });
    const front = await startFront(t, server.url, `?ticket=${signTicket(KEY, { t: Date.now() - LATE_MS })}`);
    const { code, reason, seconds } = await closeOf(t, front.url, transport);
    assert.deepEqual({ code, reason }, LATE);
    assert.ok(front.asked() <= 1 + seconds, `${front.asked()} requests in ${seconds} s`);
  });
}

test("a stock client whose ticket is late is refused with 403 when it polls, and does not ask again", async (t) => {
  const server = await startServer(t, { vars: TICKETS });
  const front = await startFront(t, server.url, `?ticket=${signTicket(KEY, { t: Date.now() - LATE_MS })}`);
  const { code } = await closeOf(t, front.url, "xhr-polling");
  assert.equal(code, 2000, "it never opened");
  assert.equal(front.asked(), 1);
});

for (const [path, prelude, frame] of [
  ["xhr_streaming", /^h{2048}\n$/, 'c[1008,"The ticket is not for this session."]\n'],
  ["eventsource", /^\r\n$/, 'data: c[1008,"The ticket is not for this session."]\r\n\r\n'],
  ["htmlfile?c=cb", /^<!doctype html>/, '<script>\np("c[1008,\\"The ticket is not for this session.\\"]");\n</script>\r\n'],
]) {
  test(`a refused stream has its prelude at once, its close frame after a second, and an end: ${path}`, async (t) => {
    const server = await startServer(t, { vars: TICKETS });
    const ticket = signTicket(KEY, { o: server.url, t: Date.now() - LATE_MS });
    const url = `${server.url}/echo/000/s/${path}${path.includes("?") ? "&" : "?"}ticket=${ticket}`;
    const stream = await start(url, { method: path.startsWith("xhr") ? "POST" : "GET", headers: { "Sec-Fetch-Site": "same-origin" } });
    t.after(() => stream.close());
    assert.equal((await stream.head()).status, 200);
    assert.match(await stream.chunk(), prelude);
    const began = performance.now();
    assert.equal(await stream.chunk(), frame);
    assert.ok(performance.now() - began >= 700);
    assert.equal(await stream.chunk(), null);
  });
}
