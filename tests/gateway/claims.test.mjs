// Claims of a client, signed for the upstream: a JSON Web Token over every transport, and never what a client wrote.

import assert from "node:assert/strict";
import { createHmac, randomUUID } from "node:crypto";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { RECEIVES, knock } from "../harness/clients/doors.mjs";
import { signTicket } from "../harness/clients/signing.mjs";
import { startHttpBackend } from "./http-backend.mjs";
import { startGateway, startUpstream } from "./upstream.mjs";

const SECRET = "upstream-secret-of-at-least-32-characters";
const TICKET_KEY = "k".repeat(32);
const DOORS = ["websocket", "raw websocket", ...RECEIVES];
const HEADER = "sockjs-claims";
/** A token that a client made up. */
const FORGED = { "SockJS-Claims": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSJ9." };

/** The content of a token, as a library of JSON Web Tokens verifies it. */
function verify(token, secret = SECRET) {
  const [header, payload, signature, ...more] = token.split(".");
  assert.deepEqual(more, []);
  assert.deepEqual(JSON.parse(Buffer.from(header, "base64url")), { alg: "HS256", typ: "JWT" });
  assert.equal(createHmac("sha256", secret).update(`${header}.${payload}`).digest("base64url"), signature);
  const { exp, ...content } = JSON.parse(Buffer.from(payload, "base64url"));
  const left = exp - Date.now() / 1_000;
  assert.ok(left > 0 && left <= 61, `${left} s`);
  return content;
}

async function tokenOf(upstream, service, door, options) {
  const { status } = await knock(service, door, options);
  assert.ok([101, 200].includes(status), `${door}: ${status}`);
  const { headers } = await upstream.requests.next("a handshake");
  return headers[HEADER];
}

test("the claims from on_request reach the upstream over every transport, and a SockJS-Claims header that the client sent does not", async (t) => {
  const upstream = await startUpstream(t);
  const { server } = await startGateway(t, upstream, { vars: { SOCKJS_UPSTREAM_SECRET: SECRET } });
  const connections = new Set();
  for (const door of DOORS) {
    const token = await tokenOf(upstream, `${server.url}/doorkept`, door, { headers: { Cookie: "user=ada", ...FORGED } });
    const { iss, sub, claims } = verify(token);
    assert.deepEqual([iss, claims.user, claims.authorization], ["sockjs-edge", "ada", null], door);
    connections.add(sub);
  }
  assert.equal(connections.size, DOORS.length, "each connection has an id of its own");
});

test("the claims of a ticket go to the upstream over every transport", async (t) => {
  const upstream = await startUpstream(t);
  const vars = { SOCKJS_UPSTREAM_SECRET: SECRET, SOCKJS_TICKETS: "true", SOCKJS_TICKET_KEYS: TICKET_KEY };
  const { service, server } = await startGateway(t, upstream, { vars });
  const claims = { user: "zoë", exp: 1, sub: "root" };
  for (const door of DOORS) {
    const ticket = signTicket(TICKET_KEY, { p: "/sockjs", o: server.url, c: claims });
    const token = await tokenOf(upstream, service, door, { query: `ticket=${ticket}`, headers: { Origin: server.url, ...FORGED } });
    const content = verify(token);
    assert.deepEqual(content.claims, claims, door);
    assert.notEqual(content.sub, "root", "claims replace nothing");
  }
});

test("a client without claims has a token without claims", async (t) => {
  const upstream = await startUpstream(t);
  const { service } = await startGateway(t, upstream, { vars: { SOCKJS_UPSTREAM_SECRET: SECRET } });
  for (const door of DOORS) {
    const { sub, ...content } = verify(await tokenOf(upstream, service, door, { headers: FORGED }));
    assert.ok(sub.length >= 32);
    assert.deepEqual(content, { iss: "sockjs-edge" }, door);
  }
});

test("without the secret there is no token, not even the client's", async (t) => {
  const upstream = await startUpstream(t);
  const { server } = await startGateway(t, upstream);
  for (const door of DOORS) {
    assert.equal(await tokenOf(upstream, `${server.url}/doorkept`, door, { headers: { Cookie: "user=ada", ...FORGED } }), undefined, door);
  }
});

test("a short secret is not served", async (t) => {
  const upstream = await startUpstream(t);
  const { service } = await startGateway(t, upstream, { vars: { SOCKJS_UPSTREAM_SECRET: "short", SOCKJS_LOG: "none" }, log: () => {} });
  const { status, body } = await knock(service, "xhr");
  assert.equal(status, 500);
  assert.match(body, /SOCKJS_UPSTREAM_SECRET must have at least 32 characters/);
});

test("over HTTP each request has a new token, also after a restart of the object", { timeout: 60_000 }, async (t) => {
  const backend = await startHttpBackend(t);
  const vars = { SOCKJS_UPSTREAM_SECRET: SECRET, SOCKJS_TICKETS: "true", SOCKJS_TICKET_KEYS: TICKET_KEY, SOCKJS_LOG: "error" };
  const { service, server } = await startGateway(t, backend, { vars });
  const claims = { user: "zoë" };
  for (const door of DOORS) {
    const ticket = signTicket(TICKET_KEY, { p: "/sockjs", o: server.url, c: claims });
    const { status } = await knock(service, door, { query: `ticket=${ticket}`, headers: { Origin: server.url, ...FORGED } });
    assert.ok([101, 200].includes(status), `${door}: ${status}`);
    const { id, headers } = await backend.call("OPEN");
    assert.deepEqual(verify(headers[HEADER]), { iss: "sockjs-edge", sub: id, claims }, door);
  }
  const session = `${service}/000/${randomUUID()}`;
  const ticket = signTicket(TICKET_KEY, { p: "/sockjs", o: server.url, c: claims });
  const ask = (path, body) => fetch(`${session}/${path}?ticket=${ticket}`, { method: "POST", body, headers: { Origin: server.url } });
  assert.equal(await (await ask("xhr")).text(), "o\n");
  // The object has stored the session when the backend gets its first message.
  assert.equal((await ask("xhr_send", '["a"]')).status, 204);
  const { headers } = await backend.call("TEXT");
  await server.kill();
  await server.start();
  await setTimeout(1_100);
  assert.equal((await ask("xhr_send", '["b"]')).status, 204);
  const later = await backend.call("TEXT");
  assert.notEqual(later.headers[HEADER], headers[HEADER]);
  assert.deepEqual(verify(later.headers[HEADER]), { iss: "sockjs-edge", sub: later.id, claims });
});
