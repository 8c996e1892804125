// Metered servers for the scenarios. Each scenario has its own, so that all counts belong to it.

import { startMeteredServer } from "./metered-server.mjs";

/** Variables with which the Worker schedules the heartbeats and holds the WebSockets. */
const BY_WORKER = { SOCKJS_HEARTBEATS: "worker", SOCKJS_WEBSOCKET_HOLDER: "worker" };
/** Variables of the services, by the name in the tables. */
const VARS = {
  session: { SOCKJS_PLACEMENT: "session" },
  "session by the Worker": { SOCKJS_PLACEMENT: "session", ...BY_WORKER },
  room: { SOCKJS_PLACEMENT: "room" },
  "room by the Worker": { SOCKJS_PLACEMENT: "room", ...BY_WORKER },
};

export const PLACEMENTS = Object.keys(VARS);
export const isRoom = (placement) => placement.startsWith("room");
export const isByWorker = (placement) => placement.endsWith("by the Worker");

/** Runs `body(server, owner)` with a server whose services have that placement, and ends everything with it. */
export async function withServer(placement, body, vars = {}) {
  const endings = [];
  const owner = { after: (end) => endings.push(end) };
  try {
    return await body(await startMeteredServer(owner, { vars: { ...VARS[placement], ...vars } }), owner);
  } finally {
    for (const end of endings.reverse()) await end();
  }
}
