// The groups of header fields that several cases ask for.

import assert from "node:assert/strict";
import { call } from "./client.mjs";

const MONTHS = 1_000_000; // seconds; what may be kept "for long" must be good for longer than this

/** Spaces do not count, letter case does. */
export function assertContentType({ headers }, type) {
  assert.equal(headers["content-type"]?.replaceAll(" ", ""), type, "Content-Type");
}

/** Asserts the CORS headers for scripts of another origin, or of none. */
export function assertCors({ headers }, origin) {
  assert.equal(headers["access-control-allow-origin"], origin ?? "*", "Access-Control-Allow-Origin");
  assert.equal(headers["access-control-allow-credentials"], origin && "true", "Access-Control-Allow-Credentials");
}

export function assertNotCached({ headers }) {
  assert.equal(headers["cache-control"], "no-store, no-cache, no-transform, must-revalidate, max-age=0", "Cache-Control");
  assert.equal(headers.expires, undefined, "Expires");
  assert.equal(headers["last-modified"], undefined, "Last-Modified");
}

export function assertCachedForLong({ headers }) {
  assert.match(headers["cache-control"] ?? "", /\bpublic\b/, "Cache-Control");
  const [, maxAge] = /\bmax-age=(\d+)/.exec(headers["cache-control"]) ?? [];
  assert.ok(Number(maxAge) >= MONTHS, `Cache-Control: ${headers["cache-control"]}`);
  assert.ok(Date.parse(headers.expires) > Date.now(), `Expires: ${headers.expires}`);
}

export function assertNoCookie({ headers }) {
  assert.equal(headers["set-cookie"], undefined, "Set-Cookie");
}

/** Asserts that a browser gets, and may keep, the permission to use these methods. */
export async function assertPreflight(path, ...methods) {
  for (const origin of ["test", "null"]) {
    const response = await call(path, { method: "OPTIONS", headers: { Origin: origin } });
    assert.ok([200, 204].includes(response.status), `status ${response.status}`);
    assert.equal(response.body, "");
    assertCors(response, origin);
    assertCachedForLong(response);
    const maxAge = response.headers["access-control-max-age"];
    assert.ok(Number(maxAge) > MONTHS, `Access-Control-Max-Age: ${maxAge}`);
    const allowed = response.headers["access-control-allow-methods"]?.split(/,\s*/) ?? [];
    for (const method of methods) {
      assert.ok(allowed.includes(method), `Access-Control-Allow-Methods: ${allowed}, no ${method}`);
    }
  }
}
