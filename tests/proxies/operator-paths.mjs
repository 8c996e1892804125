// What a proxy does with the paths that nodes answer to operators: it answers them itself, however a client writes them.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { until } from "../harness/waiting/wait.mjs";
import { fetchAll } from "./https.mjs";
import { startProxy } from "./start.mjs";

/** A node, or a proxy that cuts off what is behind "#", may read each of them as /ready or /drain. */
const SPELLINGS = ["/ready", "/./ready", "/x/../ready", "/%2e/ready", "/x/%2E%2e/ready", "/ready?x", "/.\\ready", "\\ready", "/x\\..\\ready", "/ready#x", "/./ready#x?y"].flatMap(
  (path) => [path, path.replace("ready", "drain")],
);
/** Paths of applications. */
const OTHERS = ["/already", "/ready/info", "/x/drained", "/x?y=/ready"];

/** Returns the path as a node reads it. */
const read = (url) => new URL(url, "http://node").pathname;

/** Tests a proxy in front of a server that answers everything. Options are those of `startProxy`. */
export function testOperatorPaths(name, options) {
  test(`${name}: clients reach neither /ready nor /drain, however they write them`, async (t) => {
    const seen = [];
    const node = createServer(({ url, headers }, response) => {
      if (headers.mark) seen.push(url);
      response.end("ok");
    }).listen(0, "127.0.0.1");
    await once(node, "listening");
    t.after(() => node.close());
    const { url } = await startProxy(t, name, { ...options, nodes: [`http://127.0.0.1:${node.address().port}`] });
    await until(async () => (await fetchAll(`${url}/`, { method: "GET" })).status === 200, "an answer of the node");

    const ask = async (method, path) => (await fetchAll(url, { method, path, headers: { mark: "1" } })).status;
    for (const path of SPELLINGS) {
      for (const method of ["GET", "POST"]) await ask(method, path);
    }
    // Caddy hands some on with %5C for each backslash, which means something else.
    assert.deepEqual(seen.filter((path) => ["/ready", "/drain"].includes(read(path))), []);
    assert.equal(await ask("GET", "/ready"), 404);
    assert.equal(await ask("POST", "/drain"), 404);
    seen.length = 0;
    for (const path of OTHERS) assert.equal(await ask("GET", path), 200, path);
    assert.deepEqual(seen, OTHERS);
  });
}
