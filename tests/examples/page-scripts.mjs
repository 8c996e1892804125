// The clients that the examples' pages load from a public host, as the pages of users do. The tests ask no other host: they have
// the same files among their packages.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { NODE_MODULES } from "../../scripts/tools.mjs";

export const PUBLIC_HOST = "cdn.jsdelivr.net";

/** Package, version and path of a script, and the hash that the browser compares. */
const SCRIPT = /<script src="(https:[^"]+)" integrity="(sha384-[\w+/=]+)" crossorigin><\/script>/g;
const ADDRESS = new RegExp(`^https://${PUBLIC_HOST.replaceAll(".", "\\.")}/npm/((?:@[\\w-]+/)?[\\w-]+)@([\\d.]+)/([\\w./-]+)$`);

/** Returns the file at an address of the public host. */
export function publicFile(url) {
  const [, name, version, path] = ADDRESS.exec(url) ?? assert.fail(`no address of a package's file: ${url}`);
  const { version: installed } = JSON.parse(readFileSync(join(NODE_MODULES, name, "package.json"), "utf8"));
  assert.equal(version, installed, `the version of ${name}`);
  return readFileSync(join(NODE_MODULES, name, path));
}

/** Asserts that a page loads these packages, in this order, in the versions of the tests and with the hashes of their files. */
export function assertLoads(page, ...packages) {
  const scripts = [...page.matchAll(SCRIPT)];
  assert.deepEqual(scripts.map(([, url]) => ADDRESS.exec(url)?.[1]), packages);
  for (const [, url, integrity] of scripts) {
    assert.equal(integrity, `sha384-${createHash("sha384").update(publicFile(url)).digest("base64")}`, url);
  }
  // Nothing else is loaded, from here or elsewhere.
  assert.equal(page.match(/\bsrc=/g).length, packages.length);
}
