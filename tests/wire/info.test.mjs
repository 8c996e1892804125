import assert from "node:assert/strict";
import { after, test } from "node:test";
import { request } from "../harness/clients/http.mjs";
import { assertContentType, assertCors, assertNotCached } from "../harness/protocol/headers.mjs";
import { startServer } from "../harness/servers/server.mjs";

const server = await startServer({ after });
const get = (headers) => request(`${server.url}/echo/info`, { headers });

test("info tells what the service can", async () => {
  const { websocket, cookie_needed, origins, entropy } = JSON.parse((await get()).body);
  assert.deepEqual({ websocket, cookie_needed, origins }, { websocket: true, cookie_needed: false, origins: ["*:*"] });
  assert.ok(Number.isInteger(entropy) && entropy >= 0 && entropy < 2 ** 32, `entropy ${entropy}`);
});

test("info's entropy is different each time", async () => {
  const answers = await Promise.all([get(), get(), get()]);
  const entropies = new Set(answers.map(({ body }) => JSON.parse(body).entropy));
  assert.equal(entropies.size, answers.length);
});

for (const origin of [undefined, "test", "null"]) {
  test(`info is for scripts of origin ${origin}, never cached and without a cookie`, async () => {
    const response = await get(origin && { Origin: origin });
    assert.equal(response.status, 200);
    assertContentType(response, "application/json;charset=UTF-8");
    assertNotCached(response);
    assertCors(response, origin);
    assert.equal(response.headers["set-cookie"], undefined);
  });
}
