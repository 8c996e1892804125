// Metered servers for the scenarios: each has one for itself, so that whatever is counted there is its own.

import { startMeteredServer } from "./metered-server.mjs";

export const PLACEMENTS = ["session", "room"];

/** Runs `body(server, owner)` with a server whose services have that placement; all ends with it. */
export async function withServer(placement, body, vars = {}) {
  const endings = [];
  const owner = { after: (end) => endings.push(end) };
  try {
    return await body(await startMeteredServer(owner, { vars: { SOCKJS_PLACEMENT: placement, ...vars } }), owner);
  } finally {
    for (const end of endings.reverse()) await end();
  }
}
