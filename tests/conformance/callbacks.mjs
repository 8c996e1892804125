// The name of a function of the page, which htmlfile and jsonp take from the query.

import assert from "node:assert/strict";
import { get, newSession } from "./client.mjs";

export async function assertCallbackRequired(transport) {
  await assertRefused(`${newSession()}/${transport}`, '"callback" parameter required');
}

/** A name that is none could be a script of someone else's making. */
export async function assertCallbackInvalid(transport) {
  for (const callback of ["%20", "*", "abc(", "abc%28"]) {
    await assertRefused(`${newSession()}/${transport}?c=${callback}`, 'invalid "callback" parameter');
  }
}

async function assertRefused(path, complaint) {
  const response = await get(path);
  assert.equal(response.status, 500, path);
  assert.ok(response.body.includes(complaint), `${path}: ${response.body}`);
}
