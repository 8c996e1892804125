// The page for iframe transports, and the client that it loads: of the very version that the page around it has.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, test } from "node:test";
import { ROOT } from "../../scripts/tools.mjs";
import { request } from "../harness/clients/http.mjs";
import { assertContentType } from "../harness/protocol/headers.mjs";
import { startServer } from "../harness/servers/server.mjs";

const require = createRequire(import.meta.url);
const { version } = require("sockjs-client/package.json");
const CLIENT = `sockjs-${version}.min.js`;

const server = await startServer({ after });
const get = (path, headers) => request(`${server.url}${path}`, { headers });

/** Loads the page's script as a browser would, from the URL in the page. */
async function scriptOf(page) {
  const [, source] = /<script src="([^"]*)"><\/script>/.exec((await get(page)).body);
  return source;
}

test("each service's page loads the client from below the service, whatever the page is asked for as", async () => {
  for (const service of ["/echo", "/close", "/disabled_websocket_echo"]) {
    for (const page of ["iframe.html", `iframe-${version}.html`, "iframe-0.3.4.html", "iframe.html?t=1"]) {
      assert.equal(await scriptOf(`${service}/${page}`), `${service}/${CLIENT}`);
    }
  }
});

test("the client is the one of the npm package, byte for byte, without the reference to its source map", async () => {
  const script = await get(await scriptOf("/echo/iframe.html"));
  assert.equal(script.status, 200);
  assertContentType(script, "application/javascript;charset=UTF-8");
  const released = readFileSync(require.resolve("sockjs-client/dist/sockjs.min.js"), "utf8");
  assert.equal(released.replace(/^\/\/# sourceMappingURL=.*\n/m, "").trimEnd(), script.body.trimEnd());
  assert.ok(script.body.startsWith(`/* sockjs-client v${version} |`));
});

test("the version that the library names by default is the one that is tested", () => {
  const options = readFileSync(join(ROOT, "protocol/src/service/options/mod.rs"), "utf8");
  const [, url] = /pub const SOCKJS_URL: &str = "(.*)";/.exec(options);
  assert.match(url, new RegExp(`/sockjs-client@${version.replaceAll(".", "\\.")}/`));
});

for (const path of ["/echo/iframe.html", `/echo/${CLIENT}`]) {
  test(`${path} may be kept for a year, and is not sent again to who has it`, async () => {
    const { headers } = await get(path);
    assert.equal(headers["cache-control"], "public, max-age=31536000");
    assert.ok(Date.parse(headers.expires) > Date.now() + 31_000_000_000, headers.expires);
    assert.equal(headers["last-modified"], undefined);
    assert.equal(headers["set-cookie"], undefined);
    assert.equal((await get(path)).headers.etag, headers.etag);

    for (const known of [headers.etag, `"x", ${headers.etag}`, `W/${headers.etag}`]) {
      const unchanged = await get(path, { "If-None-Match": known });
      assert.deepEqual([unchanged.status, unchanged.body], [304, ""], known);
      assert.equal(unchanged.headers["content-type"], undefined);
      assert.equal(unchanged.headers.etag, headers.etag);
      assert.equal(unchanged.headers["cache-control"], headers["cache-control"]);
    }
    const changed = await get(path, { "If-None-Match": '"x"' });
    assert.equal(changed.status, 200);
  });
}

test("page and client have tags of their own, and so have the pages of two services", async () => {
  const paths = ["/echo/iframe.html", "/close/iframe.html", `/echo/${CLIENT}`];
  const tags = await Promise.all(paths.map(async (path) => (await get(path)).headers.etag));
  assert.equal(new Set(tags).size, tags.length);
});

test("a client of another version, or of no service, is not there", async () => {
  const others = ["/echo/sockjs-0.3.4.min.js", "/echo/sockjs.min.js"];
  for (const path of [...others, `/${CLIENT}`, `/other/${CLIENT}`, `/echo/000/s/${CLIENT}`]) {
    assert.equal((await get(path)).status, 404, path);
  }
});
