// A query on the base URL is carried by clients to every URL of a service, with parameters of their own against caches.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { request } from "../harness/clients/http.mjs";
import { Session } from "../harness/clients/session.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { TRANSPORTS } from "../harness/protocol/transports.mjs";
import { startServer } from "../harness/servers/server.mjs";

const QUERIES = ["?token=1", "?token=a%26b/c.d&t=1700000000000&i=3", "?", "?of=/echo/000/s/xhr"];
const FORM = { "Content-Type": "application/x-www-form-urlencoded" };

const server = await startServer({ after });
const echo = `${server.url}/echo`;

test("greeting, info and iframe pages are the same with a query", async () => {
  for (const query of QUERIES) {
    for (const path of ["", "/", "/info", "/iframe.html", "/iframe-1.6.1.html"]) {
      const withoutEntropy = ({ body }) => body.replace(/"entropy":\d+/, "");
      const [plain, queried] = [await request(echo + path), await request(echo + path + query)];
      assert.equal(queried.status, 200, path + query);
      assert.equal(withoutEntropy(queried), withoutEntropy(plain), path + query);
    }
  }
});

test("a preflight is answered with a query", async () => {
  for (const query of QUERIES) {
    for (const path of ["/info", "/000/s/xhr", "/000/s/xhr_send", "/000/s/xhr_streaming"]) {
      const preflight = await request(echo + path + query, { method: "OPTIONS", headers: { Origin: "test" } });
      assert.equal(preflight.status, 204, path + query);
    }
  }
});

for (const [segment, { query: callback }] of Object.entries(TRANSPORTS)) {
  test(`${segment}: a session goes its way with a query on every request, another each time`, async (t) => {
    const session = new Session(t, echo, segment);
    const receiveWith = (query) => `${session.url}/${segment}${query}${callback ? callback.replace("?", "&") : ""}`;
    session.receiveUrl = receiveWith(QUERIES.at(-1));
    assert.equal(await session.next(), "o");
    for (const query of QUERIES) {
      session.receiveUrl = receiveWith(query);
      assert.equal((await session.post(`xhr_send${query}`, '["a"]')).status, 204, query);
      assert.equal((await session.post(`jsonp_send${query}`, 'd=["b"]', FORM)).status, 200, query);
      const messages = [];
      while (messages.length < 2) messages.push(...JSON.parse((await session.next()).slice(1)));
      assert.deepEqual(messages, ["a", "b"], query);
    }
  });
}

test("WebSockets open with a query", async (t) => {
  for (const query of QUERIES) {
    const framed = await openWebSocket(t, `${echo}/000/${randomUUID()}/websocket${query}`);
    assert.equal(await framed.frames.next("the open frame"), "o", query);
    framed.send('["a"]');
    assert.equal(await framed.frames.next(), 'a["a"]', query);
    const raw = await openWebSocket(t, `${echo}/websocket${query}`);
    raw.send("a");
    assert.equal(await raw.frames.next(), "a", query);
  }
});
