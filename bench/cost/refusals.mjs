// Requests that are refused: what anyone can send as often as they like.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { request } from "../../tests/harness/http.mjs";

/** By name: method, path below a service, its status, and how many requests an object may get for it. */
export const REFUSALS = {
  "bad path": { method: "GET", path: () => "/a/b/c/d", status: 404, objectRequests: 0 },
  "bad method": { method: "PUT", path: () => `/000/${randomUUID()}/xhr`, status: 405, objectRequests: 0 },
  "bad session id": { method: "POST", path: () => `/000/${randomUUID()}.x/xhr`, status: 404, objectRequests: 0 },
  "bad callback": { method: "GET", path: () => `/000/${randomUUID()}/jsonp?c=*`, status: 500, objectRequests: 0 },
  "bad body": { method: "POST", path: () => `/000/${randomUUID()}/xhr_send`, body: "[", status: 500, objectRequests: 0 },
  "bad upgrade": { method: "GET", path: () => `/000/${randomUUID()}/websocket`, status: 400, objectRequests: 0 },
  "unknown session": {
    method: "POST",
    path: () => `/000/${randomUUID()}/xhr_send`,
    body: '["m"]',
    status: 404,
    objectRequests: 1,
  },
};

/** Sends the request of that name to the service at this URL. */
export async function refuse(service, name) {
  const { method, path, body, status } = REFUSALS[name];
  assert.equal((await request(`${service}${path()}`, { method, body })).status, status, name);
}
