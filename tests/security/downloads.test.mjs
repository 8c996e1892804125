// Reflected file download: a URL of the service whose last segment is the name of a program, and whose response has what
// somebody else sent.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { startMeteredServer } from "../../bench/cost/metered-server.mjs";
import { request } from "../harness/clients/http.mjs";

const NAMES = ["a.bat", "a;.bat", "a;v=1", ";", "a%3b.bat", "a%3B", "%3b", "a%2ebat", "a%2Ebat", "a."];
const SEGMENTS = [
  ["POST", "xhr", ""],
  ["GET", "jsonp", "?c=cb"],
  ["GET", "htmlfile", "?c=cb"],
  ["GET", "eventsource", ""],
  ["POST", "xhr_send", ""],
  ["GET", "websocket", ""],
];

test("dots and semicolons, escaped or not, are 404 in the server, session and transport segments, and no object is asked", async (t) => {
  const server = await startMeteredServer(t);
  for (const name of NAMES) {
    for (const [method, segment, query] of SEGMENTS) {
      const session = randomUUID();
      const paths = [`/${name}/${session}/${segment}`, `/000/${name}/${segment}`, `/000/${session}/${segment}${name.slice(1)}`];
      for (const path of [...paths, `/000/${session}/${segment};${name}`, `/000/${session}/${segment}/${name}`]) {
        if (path.endsWith(`/${segment}`) && path.startsWith(`/000/${session}/`)) continue; // nothing was added
        const { status } = await request(`${server.url}/echo${path}${query}`, { method });
        assert.equal(status, 404, `${method} ${path}`);
      }
    }
  }
  for (const path of ["/info;a.bat", "/info/a.bat", "/info%3b.bat", "/iframe.html;a.bat", "/iframe.html/a.bat", ";a.bat"]) {
    assert.equal((await request(`${server.url}/echo${path}`)).status, 404, path);
  }
  assert.equal((await server.counters()).fetches, 0);
});
