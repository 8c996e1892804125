// HTTP/1.0, which old proxies speak. It has no chunks: a body has its length, or ends with the connection.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { request, start } from "../harness/clients/http.mjs";
import { Session } from "../harness/clients/session.mjs";
import { POLLS, STREAMS, TRANSPORTS } from "../harness/protocol/transports.mjs";
import { startServer } from "../harness/servers/server.mjs";

const RESPONSE_LIMIT = 4096; // of /echo
const FORM = { "Content-Type": "application/x-www-form-urlencoded" };
const KEEP_ALIVE = { Connection: "Keep-Alive" };

const server = await startServer({ after });
const echo = `${server.url}/echo`;

/** A request of HTTP/1.0, and the head of its response, which must say nothing of chunks. */
async function open(t, url, options) {
  const connection = await start(url, { ...options, version: "1.0" });
  t.after(() => connection.close());
  const head = await connection.head();
  assertNoChunks(head);
  return { connection, ...head };
}

function assertNoChunks({ headers }) {
  assert.equal(headers["transfer-encoding"], undefined, "Transfer-Encoding");
}

async function assertNext(connection, text) {
  assert.equal(String(await connection.bytes(text.length)), text);
}

for (const path of ["", "/info", "/iframe.html"]) {
  test(`GET /echo${path} has its length, and the connection ends or is kept as it was asked for`, async (t) => {
    const url = echo + path;
    const bodyOf = async ({ connection, headers }) => {
      const body = String(await connection.bytes(Number(headers["content-length"])));
      return body.replace(/"entropy":\d+/, "");
    };
    const expected = (await request(url)).body.replace(/"entropy":\d+/, "");
    const closed = await open(t, url);
    assert.equal(closed.status, 200);
    assert.equal(await bodyOf(closed), expected);
    assert.equal(await closed.connection.ended(), "");

    const kept = await open(t, url, { headers: KEEP_ALIVE });
    for (const _ of [1, 2]) {
      assert.equal(kept.headers.connection.toLowerCase(), "keep-alive");
      assert.equal(await bodyOf(kept), expected);
      kept.connection.send(url, { headers: KEEP_ALIVE, version: "1.0" });
      Object.assign(kept, await kept.connection.head());
      assertNoChunks(kept);
    }
  });
}

for (const [how, headers] of [
  ["to be closed", {}],
  ["to be kept", KEEP_ALIVE],
]) {
  for (const segment of STREAMS) {
    const { method, prelude, wrap } = TRANSPORTS[segment];
    test(`${segment}, ${how}: a stream is written as it comes, and ends with the connection`, async (t) => {
      const session = new Session(t, echo, segment);
      const stream = await open(t, session.receiveUrl, { method, headers });
      assert.deepEqual([stream.status, stream.headers["content-length"]], [200, undefined]);
      await assertNext(stream.connection, prelude + wrap("o"));
      for (const message of ["a", "x".repeat(RESPONSE_LIMIT)]) {
        await session.send(message);
        await assertNext(stream.connection, wrap(`a["${message}"]`));
      }
      assert.equal(await stream.connection.ended(), "");
    });
  }

  for (const segment of POLLS) {
    const { method, wrap } = TRANSPORTS[segment];
    test(`${segment}, ${how}: a poll that is ready has a length, one that waits ends with the connection`, async (t) => {
      const session = new Session(t, echo, segment);
      const ready = await open(t, session.receiveUrl, { method, headers });
      assert.deepEqual([ready.status, ready.headers["content-length"]], [200, String(wrap("o").length)]);
      await assertNext(ready.connection, wrap("o"));
      const waiting = await open(t, session.receiveUrl, { method, headers });
      assert.deepEqual([waiting.status, waiting.headers["content-length"]], [200, undefined]);
      await session.send("a");
      assert.equal(await waiting.connection.ended(), wrap('a["a"]'));
    });
  }
}

test("sends are taken, with a length of their body, and the connection can be kept", async (t) => {
  const session = new Session(t, echo, "xhr");
  assert.equal(await session.next(), "o");
  const first = { method: "POST", headers: KEEP_ALIVE, body: '["a"]' };
  const { connection, status } = await open(t, `${session.url}/xhr_send`, first);
  assert.equal(status, 204);
  connection.send(`${session.url}/jsonp_send`, { method: "POST", headers: FORM, body: 'd=["b"]', version: "1.0" });
  const second = await connection.head();
  assertNoChunks(second);
  assert.deepEqual([second.status, await connection.ended()], [200, "ok"]);
  assert.equal(await session.next(), 'a["a","b"]');
});

test("a close frame is the last before the end of the connection", async (t) => {
  for (const segment of STREAMS) {
    const { method, prelude, wrap } = TRANSPORTS[segment];
    const session = new Session(t, `${server.url}/close`, segment);
    const { connection } = await open(t, session.receiveUrl, { method });
    assert.equal(await connection.ended(), prelude + wrap("o") + wrap('c[3000,"Go away!"]'), segment);
  }
});
