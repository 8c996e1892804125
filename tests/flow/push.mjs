// Pushes to the room at /broadcast.

import assert from "node:assert/strict";
import { request } from "../harness/clients/http.mjs";

/** Pushes a message. Resolves when the server has broadcast it. */
export async function push(url, token, message) {
  const { status, body } = await tryToPush(url, token, message);
  assert.equal(status, 200, body);
}

/** Pushes a message, again as long as the server answers that the room is held up: a push waits 8 s for its room. */
export async function pushAgain(url, token, message) {
  for (;;) {
    const { status, body } = await tryToPush(url, token, message);
    if (status === 200) return;
    assert.equal(status, 503, body);
    assert.match(body, /held up/);
  }
}

function tryToPush(url, token, message) {
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  const body = JSON.stringify({ room: "/broadcast", message });
  return request(`${url}/push`, { method: "POST", headers, body, ms: 60_000 });
}
