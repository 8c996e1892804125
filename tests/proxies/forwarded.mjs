// The headers by which a proxy tells a node whose request it passes on. A node believes a trusted proxy.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { until } from "../harness/waiting/wait.mjs";
import { fetchAll } from "./https.mjs";
import { startProxy } from "./start.mjs";

/** Not a trusted proxy, as 127.0.0.1 is. */
export const CLIENT = "127.0.0.2";
const FORGED = "203.0.113.9";

/** Returns headers of a client that claims to be another one, at another host, by another scheme than that of the proxy's URL. */
export function forgedHeaders(proxy) {
  const scheme = schemeOf(proxy) === "https" ? "http" : "https";
  return { "X-Forwarded-For": FORGED, "CF-Connecting-IP": FORGED, "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": scheme };
}

/** Returns the client's address, host and scheme that headers name. */
export const forwarded = (headers) => ["for", "host", "proto"].map((name) => headers[`x-forwarded-${name}`]);

/** Returns those of a request of CLIENT to the proxy at this URL. */
export const expected = (proxy) => [CLIENT, new URL(proxy).host, schemeOf(proxy)];

const schemeOf = (url) => new URL(url).protocol.slice(0, -1);

/** Tests a proxy in front of a server that answers everything. Options are those of `startProxy`. */
export function testForwarded(name, options) {
  test(`${name}: a node gets the client's address, host and scheme alone, whatever the client claims`, async (t) => {
    const seen = [];
    const node = createServer(({ url, headers }, response) => {
      if (url !== "/ready") seen.push(forwarded(headers));
      response.end("ok");
    }).listen(0, "127.0.0.1");
    await once(node, "listening");
    t.after(() => node.close());
    const { url } = await startProxy(t, name, { ...options, nodes: [`http://127.0.0.1:${node.address().port}`] });
    const ask = () => fetchAll(`${url}/echo/info`, { method: "GET", from: CLIENT, headers: forgedHeaders(url) });
    await until(async () => (await ask()).status === 200, "an answer");
    assert.deepEqual(seen, [expected(url)]);
  });
}
