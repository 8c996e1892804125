// Every request by which a client can reach a session, and its response.

import { randomUUID } from "node:crypto";
import { start } from "./http.mjs";

export const UPGRADE = {
  Connection: "Upgrade",
  Upgrade: "websocket",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
};
const FORM = { "Content-Type": "application/x-www-form-urlencoded" };

/** By name: method, path below the session (below the service, for a raw WebSocket), headers and body. */
export const DOORS = {
  xhr: { method: "POST", path: "/xhr" },
  xhr_streaming: { method: "POST", path: "/xhr_streaming" },
  eventsource: { method: "GET", path: "/eventsource" },
  htmlfile: { method: "GET", path: "/htmlfile?c=stolen" },
  jsonp: { method: "GET", path: "/jsonp?c=stolen" },
  xhr_send: { method: "POST", path: "/xhr_send", headers: { "Content-Type": "text/plain" }, body: '["x"]' },
  jsonp_send: { method: "POST", path: "/jsonp_send", headers: FORM, body: "d=%5B%22x%22%5D" },
  websocket: { method: "GET", path: "/websocket", headers: UPGRADE },
  "raw websocket": { method: "GET", path: "/websocket", headers: UPGRADE, raw: true },
};

export const RECEIVES = ["xhr", "xhr_streaming", "eventsource", "htmlfile", "jsonp"];
/** Requests for which browsers send no origin. */
export const FOR_ANY_PAGE = ["htmlfile", "jsonp"];

/**
 * Sends the request of that name: `{ status, headers, body }`, the body if it has an end.
 *
 * @param {string} service URL of a service
 * @param {string} name key of `DOORS`
 * @param {object} [options]
 * @param {string} [options.session]
 * @param {string} [options.query] such as `ticket=...`
 * @param {Record<string, string>} [options.headers]
 */
export async function knock(service, name, { session = randomUUID(), query, headers } = {}) {
  const door = DOORS[name];
  const path = door.raw ? door.path : `/000/${session}${door.path}`;
  const url = service + path + (query ? (path.includes("?") ? "&" : "?") + query : "");
  const connection = await start(url, { method: door.method, headers: { ...door.headers, ...headers }, body: door.body });
  try {
    const head = await connection.head();
    return { ...head, body: "content-length" in head.headers ? await connection.body() : undefined };
  } finally {
    connection.close();
  }
}
