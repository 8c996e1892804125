import assert from "node:assert/strict";
import { after, test } from "node:test";
import { request } from "../harness/clients/http.mjs";
import { assertCors } from "../harness/protocol/headers.mjs";
import { startServer } from "../harness/servers/server.mjs";

const server = await startServer({ after });
const preflight = (path, headers) => request(`${server.url}${path}`, { method: "OPTIONS", headers });

for (const [path, methods] of [
  ["/echo/info", ["OPTIONS", "GET"]],
  ["/echo/abc/abc/xhr", ["OPTIONS", "POST"]],
  ["/echo/abc/abc/xhr_send", ["OPTIONS", "POST"]],
  ["/echo/abc/abc/xhr_streaming", ["OPTIONS", "POST"]],
]) {
  for (const origin of [undefined, "test", "null"]) {
    test(`a preflight of ${path} for origin ${origin} allows ${methods} and may be kept for long`, async () => {
      const response = await preflight(path, origin && { Origin: origin });
      assert.ok([200, 204].includes(response.status), `status ${response.status}`);
      assert.equal(response.body, "");
      assertCors(response, origin);
      const { headers } = response;
      const [, maxAge] = /^public, max-age=(\d+)$/.exec(headers["cache-control"]);
      assert.ok(Number(maxAge) >= 1_000_000);
      assert.ok(Number(headers["access-control-max-age"]) > 1_000_000);
      assert.ok(Date.parse(headers.expires) > Date.now() + 1_000_000_000, `expires ${headers.expires}`);
      for (const method of methods) assert.ok(headers["access-control-allow-methods"].split(", ").includes(method));
    });
  }
}

test("the headers a script asks for are allowed word by word, and none when it asks for none", async () => {
  const allowed = async (headers) =>
    (await preflight("/echo/abc/abc/xhr", { Origin: "test", ...headers })).headers["access-control-allow-headers"];
  assert.equal(await allowed({ "Access-Control-Request-Headers": "a, b, c" }), "a, b, c");
  assert.equal(await allowed({ "Access-Control-Request-Headers": "" }), undefined);
  assert.equal(await allowed({}), undefined);
});
