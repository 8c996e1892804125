// Header values that the protocol's public suite requires. It compares content types without their spaces, and case-sensitively.

import assert from "node:assert/strict";

export const NOT_CACHED = "no-store, no-cache, no-transform, must-revalidate, max-age=0";

export function assertContentType({ headers }, type) {
  assert.equal(headers["content-type"]?.replaceAll(" ", ""), type);
}

/** Asserts the headers for scripts of another origin, or of none if `origin` is omitted. */
export function assertCors({ headers }, origin) {
  assert.equal(headers["access-control-allow-origin"], origin ?? "*");
  assert.equal(headers["access-control-allow-credentials"], origin && "true");
}

export function assertNotCached({ headers }) {
  assert.equal(headers["cache-control"], NOT_CACHED);
  assert.equal(headers.expires, undefined);
  assert.equal(headers["last-modified"], undefined);
}
