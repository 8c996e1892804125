// HEAD is answered as GET is, without the body; and of a session without its object.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { request, start } from "../harness/clients/http.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { readObjects } from "../harness/servers/storage.mjs";

const server = await startServer({ after });

/** The head of the answer to HEAD, when nothing comes after it. */
async function head(path, headers) {
  const connection = await start(`${server.url}${path}`, { method: "HEAD", headers: { Connection: "close", ...headers } });
  const answer = await connection.head();
  assert.equal(await connection.ended(), "", path);
  connection.close();
  return answer;
}

const SAME = ["content-type", "cache-control", "access-control-allow-origin", "vary", "etag", "content-security-policy", "x-content-type-options"];

for (const path of ["/echo", "/echo/", "/echo/info", "/echo/iframe.html", "/echo/sockjs-1.6.1.min.js", "/", "/echo/websocket", "/echo/000/s/websocket"]) {
  test(`HEAD ${path} has the head of GET`, async () => {
    const [told, got] = [await head(path), await request(`${server.url}${path}`)];
    assert.equal(told.status, got.status);
    for (const name of SAME) assert.equal(told.headers[name], got.headers[name], name);
    assert.ok([undefined, got.headers["content-length"]].includes(told.headers["content-length"]) || path === "/echo/info");
  });
}

test("HEAD of a receiving transport has its head, and asks no object", async () => {
  for (const [path, type] of [
    ["/echo/000/s/eventsource", "text/event-stream"],
    ["/echo/000/s/htmlfile?c=cb", "text/html; charset=UTF-8"],
    ["/echo/000/s/jsonp?c=cb", "application/javascript; charset=UTF-8"],
  ]) {
    const { status, headers } = await head(path, { Origin: "https://page.example" });
    assert.deepEqual([status, headers["content-type"]], [200, type], path);
    assert.match(headers["cache-control"], /no-store/, path);
  }
  assert.deepEqual(readObjects(server.objects), {});
});

test("HEAD is no method where GET is none", async () => {
  for (const path of ["/echo/000/s/xhr", "/echo/000/s/xhr_streaming", "/echo/000/s/xhr_send"]) {
    assert.equal((await head(path)).status, 405, path);
  }
});

test("HEAD asks for no upgrade", async () => {
  const upgrade = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==" };
  const connection = await start(`${server.url}/echo/websocket`, { method: "HEAD", headers: upgrade });
  assert.notEqual((await connection.head()).status, 101);
  connection.close();
});
