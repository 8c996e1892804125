import assert from "node:assert/strict";
import { after, test } from "node:test";
import { request } from "../harness/clients/http.mjs";
import { assertContentType } from "../harness/protocol/headers.mjs";
import { startServer } from "../harness/servers/server.mjs";

const server = await startServer({ after });

for (const path of ["/echo", "/echo/", "/close", "/echo?token=1"]) {
  test(`GET ${path} greets`, async () => {
    const response = await request(`${server.url}${path}`);
    assert.equal(response.status, 200);
    assert.equal(response.body, "Welcome to SockJS!\n");
    assertContentType(response, "text/plain;charset=UTF-8");
    assert.equal(response.headers["set-cookie"], undefined);
  });
}
