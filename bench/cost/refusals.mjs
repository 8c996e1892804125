// Refused requests, which anyone can send as often as they like.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { Agent, request as startRequest } from "node:http";
import { UPGRADE } from "../../tests/harness/clients/doors.mjs";
import { signTicket } from "../../tests/harness/clients/signing.mjs";
import { withServer } from "./servers.mjs";

const LIST = { SOCKJS_ALLOWED_ORIGINS: "https://friend.example" };
const KEY = "a key of at least thirty-two characters";
const TICKETS = { SOCKJS_TICKETS: "true", SOCKJS_TICKET_KEYS: KEY };
const LATE_MS = 300_000;
/** Small, so that the network is not what is measured. */
const SMALL_BODIES = { SOCKJS_BODY_LIMIT: "1024", SOCKJS_MESSAGE_LIMIT: "1024" };
const REJECTED = { "X-Reject": "1" };
const ADDRESS = { "CF-Connecting-IP": "192.0.2.1" };
const FOREIGN = { Origin: "https://evil.example" };

const poll = () => `/000/${randomUUID()}/xhr`;
const send = () => `/000/${randomUUID()}/xhr_send`;
const upgrade = () => `/000/${randomUUID()}/websocket`;
const TOO_LONG = JSON.stringify(["x".repeat(1024)]);

/**
 * By name: method, path below a service, headers, body, its status, and the number of requests that an object may get for it;
 * variables of the Worker, the path of the service, and true if the address limiter refuses.
 */
export const REFUSALS = {
  "bad path": { method: "GET", path: () => "/a/b/c/d", status: 404, objectRequests: 0 },
  "bad method": { method: "PUT", path: poll, status: 405, objectRequests: 0 },
  "bad session id": { method: "POST", path: () => `/000/${randomUUID()}.x/xhr`, status: 404, objectRequests: 0 },
  "bad callback": { method: "GET", path: () => `/000/${randomUUID()}/jsonp?c=*`, status: 500, objectRequests: 0 },
  "bad body": { method: "POST", path: send, body: "[", status: 500, objectRequests: 0 },
  "bad upgrade": { method: "GET", path: upgrade, status: 400, objectRequests: 0 },
  "foreign origin": { method: "POST", path: poll, headers: FOREIGN, status: 403, objectRequests: 0, vars: LIST },
  "foreign origin's WebSocket": {
    method: "GET",
    path: upgrade,
    headers: { ...UPGRADE, ...FOREIGN },
    status: 403,
    objectRequests: 0,
    vars: LIST,
  },
  "no ticket": { method: "POST", path: poll, status: 403, objectRequests: 0, vars: TICKETS },
  "bad ticket": {
    method: "POST",
    path: () => `${poll()}?ticket=${signTicket("another key of at least thirty-two characters")}`,
    status: 403,
    objectRequests: 0,
    vars: TICKETS,
  },
  "ticket of another page": {
    method: "POST",
    path: () => `${poll()}?ticket=${signTicket(KEY, { o: "https://friend.example" })}`,
    headers: FOREIGN,
    status: 403,
    objectRequests: 0,
    vars: TICKETS,
  },
  "ticket without proof of its page": {
    method: "GET",
    path: () => `/000/${randomUUID()}/jsonp?c=cb&ticket=${signTicket(KEY, { o: "https://friend.example" })}`,
    headers: { "Sec-Fetch-Site": "cross-site" },
    status: 403,
    objectRequests: 0,
    vars: TICKETS,
  },
  "late ticket of a WebSocket": {
    method: "GET",
    path: () => `${upgrade()}?ticket=${signTicket(KEY, { t: Date.now() - LATE_MS })}`,
    headers: UPGRADE,
    status: 403,
    objectRequests: 0,
    vars: TICKETS,
  },
  "send without a ticket": { method: "POST", path: send, body: '["m"]', status: 403, objectRequests: 0, vars: TICKETS },
  "foreign page's /info": { method: "GET", path: () => "/info", headers: FOREIGN, status: 403, objectRequests: 0, vars: { ...LIST, ...TICKETS } },
  "application's rejection": { method: "POST", path: poll, headers: REJECTED, status: 401, objectRequests: 0, service: "/doorman" },
  "application's rejection of a send": {
    method: "POST",
    path: send,
    headers: REJECTED,
    body: '["m"]',
    status: 401,
    objectRequests: 0,
    service: "/doorman",
  },
  "address that opened too many": { method: "POST", path: poll, headers: ADDRESS, status: 429, objectRequests: 0, limiter: true },
  "address that sends to unknown sessions": {
    method: "POST",
    path: send,
    headers: ADDRESS,
    body: '["m"]',
    status: 429,
    objectRequests: 0,
    limiter: true,
  },
  // Its session has to be closed, if there is one.
  "oversized body": { method: "POST", path: send, body: TOO_LONG, status: 413, objectRequests: 1, vars: SMALL_BODIES },
  "oversized body of unsaid length": {
    method: "POST",
    path: send,
    headers: { "Transfer-Encoding": "chunked" },
    body: TOO_LONG,
    status: 413,
    objectRequests: 1,
    vars: SMALL_BODIES,
  },
  "unknown session": { method: "POST", path: send, body: '["m"]', status: 404, objectRequests: 1 },
};

/** The meter's binding that reports that an address exceeds the limit. */
const REFUSING_LIMITER = "REFUSING_LIMITER";

/** Connections that requests are sent on. */
const CONNECTIONS = 16;

/** Sends this many requests of that kind, and returns the counters. */
export function refuse(name, count) {
  const { service = "/echo", limiter = false, vars, ...refusal } = REFUSALS[name];
  const sendAll = async (server) => {
    const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
    let left = count;
    const one = async () => {
      while (left-- > 0) assert.equal(await statusOf(server.url + service, refusal, agent), refusal.status, name);
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, one));
    agent.destroy();
    return server.settled();
  };
  return withServer("session", sendAll, { ...vars, ...(limiter && { SOCKJS_ADDRESS_LIMITER: REFUSING_LIMITER }) });
}

async function statusOf(service, { method, path, headers, body }, agent) {
  const outgoing = startRequest(service + path(), { method, agent, headers });
  // A refused upgrade is a response like any other; one that is not refused comes with its socket.
  const responded = Promise.race([once(outgoing, "response"), once(outgoing, "upgrade")]);
  outgoing.end(body);
  const [response, socket] = await responded;
  if (socket) {
    socket.destroy();
  } else {
    response.resume();
    await once(response, "end");
  }
  return response.statusCode;
}
