// HTTP/1.0: what old proxies speak. It has no chunks.

import assert from "node:assert/strict";
import { test } from "node:test";
import { XHR_PRELUDE } from "../../harness/protocol/preludes.mjs";
import { host, newSession } from "../client.mjs";
import { assertContentType } from "../headers.mjs";
import { openRawConnection } from "../raw-connection.mjs";

const GREETING = "Welcome to SockJS!\n";
const EOF_MS = 1_000;

test("Http10.test_synchronous", async (t) => {
  const connection = await openRawConnection(t);
  const greet = async () => {
    connection.request("GET /echo HTTP/1.0", `Host: ${host}`, "Connection: Keep-Alive");
    const head = await connection.head();
    assert.equal(head.status, 200);
    assert.equal(head.headers["transfer-encoding"], undefined, "Transfer-Encoding");
    assertContentType(head, "text/plain;charset=UTF-8");
    return head.headers;
  };

  const headers = await greet();
  const isKept = headers.connection?.toLowerCase() === "keep-alive";
  if (!isKept) {
    assert.ok("content-length" in headers || headers.connection?.toLowerCase() === "close", "where the body ends");
    assert.equal(Number(headers["content-length"] ?? GREETING.length), GREETING.length);
    assert.equal(await connection.untilEnd(), GREETING);
    return;
  }
  assert.equal(headers["content-length"], String(GREETING.length));
  assert.equal(String(await connection.bytes(GREETING.length)), GREETING);
  await greet();
  assert.equal(String(await connection.bytes(GREETING.length)), GREETING);
});

test("Http10.test_streaming", async (t) => {
  for (const header of [[], ["Connection: Keep-Alive"]]) {
    const connection = await openRawConnection(t);
    const path = `${newSession("close")}/xhr_streaming`;
    connection.request(`POST ${path} HTTP/1.0`, `Host: ${host}`, "Content-Length: 0", ...header);
    const head = await connection.head();
    assert.equal(head.status, 200);
    assert.equal(head.headers["transfer-encoding"], undefined, "Transfer-Encoding");
    assert.equal(head.headers["content-length"], undefined, "Content-Length");
    assertContentType(head, "application/javascript;charset=UTF-8");

    const body = `${XHR_PRELUDE}o\nc[3000,"Go away!"]\n`;
    assert.equal(String(await connection.bytes(body.length)), body);
    assert.equal(await connection.untilEnd(EOF_MS), "");
  }
});
