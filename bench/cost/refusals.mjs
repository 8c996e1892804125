// Requests that are refused: what anyone can send as often as they like.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { Agent, request as startRequest } from "node:http";
import { UPGRADE } from "../../tests/security/doors.mjs";
import { signTicket } from "../../tests/security/signing.mjs";
import { withServer } from "./servers.mjs";

const LIST = { SOCKJS_ALLOWED_ORIGINS: "https://friend.example" };
const TICKETS = { SOCKJS_TICKETS: "true", SOCKJS_TICKET_KEYS: "a key of at least thirty-two characters" };
/** So that what is measured is not the network. */
const SMALL_BODIES = { SOCKJS_BODY_LIMIT: "1024", SOCKJS_MESSAGE_LIMIT: "1024" };
const FOREIGN = { Origin: "https://evil.example" };

const poll = () => `/000/${randomUUID()}/xhr`;
const send = () => `/000/${randomUUID()}/xhr_send`;
const upgrade = () => `/000/${randomUUID()}/websocket`;
const TOO_LONG = JSON.stringify(["x".repeat(1024)]);

/**
 * By name: method, path below a service, headers, body, its status, and how many requests an object may get for it; variables
 * of the Worker.
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

/** Connections that requests are sent on. */
const CONNECTIONS = 16;

/** What is counted when that many requests of that name were sent, and refused. */
export function refuse(name, count) {
  const { vars, ...refusal } = REFUSALS[name];
  const sendAll = async (server) => {
    const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
    let left = count;
    const one = async () => {
      while (left-- > 0) assert.equal(await statusOf(`${server.url}/echo`, refusal, agent), refusal.status, name);
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, one));
    agent.destroy();
    return server.settled();
  };
  return withServer("session", sendAll, vars);
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
