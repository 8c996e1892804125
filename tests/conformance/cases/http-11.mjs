import assert from "node:assert/strict";
import { test } from "node:test";
import { XHR_PRELUDE } from "../../harness/protocol/preludes.mjs";
import { assertChunks, begin, newSession, openStream, urlOf } from "../client.mjs";
import { assertContentType } from "../headers.mjs";

const GREETING = "Welcome to SockJS!\n";

test("Http11.test_synchronous", async (t) => {
  const request = { headers: { Connection: "Keep-Alive" } };
  const connection = await begin(t, "/echo", request);
  const readGreeting = async () => {
    const head = await connection.head();
    assert.equal(head.version, "1.1");
    assert.equal(head.status, 200);
    assertContentType(head, "text/plain;charset=UTF-8");
    const { connection: kept = "", "content-length": length, "transfer-encoding": encoding } = head.headers;
    assert.ok(["", "keep-alive"].includes(kept.toLowerCase()), `Connection: ${kept}`);
    if (length === undefined) {
      assert.equal(encoding, "chunked");
      await assertChunks(connection, GREETING, null);
    } else {
      assert.equal(length, String(GREETING.length));
      assert.equal(await connection.body(), GREETING);
    }
  };

  await readGreeting();
  connection.send(urlOf("/echo"), request);
  await readGreeting();
});

test("Http11.test_streaming", async (t) => {
  const stream = await openStream(t, "POST", `${newSession("close")}/xhr_streaming`, { Connection: "Keep-Alive" });
  assert.equal(stream.version, "1.1");
  assert.equal(stream.headers["content-length"], undefined, "Content-Length");
  assertContentType(stream, "application/javascript;charset=UTF-8");
  await assertChunks(stream, XHR_PRELUDE, "o\n", 'c[3000,"Go away!"]\n', null);
});
