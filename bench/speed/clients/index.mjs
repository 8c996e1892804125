// The client types, by connection mode.

import { randomUUID } from "node:crypto";
import { within } from "../../../tests/harness/waiting/wait.mjs";
import { HttpClient } from "./http.mjs";
import { WebSocketClient } from "./websocket.mjs";

/** By name, `(server's URL, listener) => client`. The service has the default `response_limit`. */
export const MODES = {
  websocket: (url, listener) => openWebSocket(`${url}/echo`, listener),
  "raw websocket": (url, listener) => new WebSocketClient(`${url}/echo/websocket`, { isRaw: true }, listener),
  "xhr-polling": (url, listener) => new HttpClient(`${url}/disabled_websocket_echo`, "xhr", listener),
  "xhr-streaming": (url, listener) => new HttpClient(`${url}/disabled_websocket_echo`, "xhr_streaming", listener),
  eventsource: (url, listener) => new HttpClient(`${url}/disabled_websocket_echo`, "eventsource", listener),
};

export function openWebSocket(service, listener) {
  return new WebSocketClient(`${service}/000/${randomUUID()}/websocket`, {}, listener);
}

const AT_ONCE = 32;

/** Opens `count` sessions; `open(n, opened)` creates one client, and calls `opened` when its session is open. */
export async function openAll(count, open) {
  const clients = [];
  const opener = async () => {
    while (clients.length < count) {
      const opened = Promise.withResolvers();
      clients.push(open(clients.length, opened.resolve));
      await within(opened.promise, "a session to open");
    }
  };
  await Promise.all(Array.from({ length: Math.min(count, AT_ONCE) }, opener));
  return clients;
}
