// The client's address in plain workerd: of the TCP connection, or as a trusted proxy names it. Anybody may send any header.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { request } from "../harness/clients/http.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { startServer } from "../harness/servers/server.mjs";

const FORGED = { "CF-Connecting-IP": "203.0.113.9", "X-Forwarded-For": "203.0.113.8, 203.0.113.9", "X-Real-IP": "203.0.113.9" };

const cases = {
  "nobody is trusted": { vars: {}, address: "127.0.0.1" },
  "another proxy is trusted": { vars: { SOCKJS_TRUSTED_PROXIES: "10.0.0.0/8" }, address: "127.0.0.1" },
  "the proxy is trusted": { vars: { SOCKJS_TRUSTED_PROXIES: "127.0.0.0/8" }, address: "203.0.113.9" },
  "two proxies are trusted": { vars: { SOCKJS_TRUSTED_PROXIES: "127.0.0.1,203.0.113.9" }, address: "203.0.113.8" },
  "its header has another name": {
    vars: { SOCKJS_TRUSTED_PROXIES: "127.0.0.1", SOCKJS_CLIENT_ADDRESS_HEADER: "X-Real-IP" },
    address: "203.0.113.9",
  },
};

const servers = {};
for (const [how, { vars }] of Object.entries(cases)) servers[how] = await startServer({ after }, { vars });

for (const [how, server] of Object.entries(servers)) {
  const { address } = cases[how];
  const service = `${server.url}/lobby/${randomUUID()}`;

  test(`${how}: a client over HTTP has the address ${address}`, async () => {
    const session = `${service}/000/${randomUUID()}`;
    const post = (path, body) => request(`${session}/${path}`, { method: "POST", headers: { ...FORGED, "Content-Type": "text/plain" }, body });
    assert.equal((await post("xhr")).body, "o\n");
    assert.equal((await post("xhr_send", '["about"]')).status, 204);
    const [told] = JSON.parse((await post("xhr")).body.slice(1));
    assert.equal(JSON.parse(told).remote_address, address);
  });

  test(`${how}: a client over WebSocket has the address ${address}`, async (t) => {
    const socket = await openWebSocket(t, `${service}/000/${randomUUID()}/websocket`, { headers: FORGED });
    assert.equal(await socket.frames.next("the open frame"), "o");
    socket.send('["about"]');
    const [told] = JSON.parse((await socket.frames.next("an answer")).slice(1));
    assert.equal(JSON.parse(told).remote_address, address);
  });
}
