// The answer to a client's close, whatever its code and reason: it is sent at once, and then the TCP connection ends.

import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { start } from "../harness/clients/http.mjs";
import { startServer } from "../harness/servers/server.mjs";

const server = await startServer({ after });
const AT_ONCE_MS = 2_000;
const UPGRADE = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==" };

/** A client's close frame with this payload. */
function closeFrame(payload) {
  const mask = randomBytes(4);
  const masked = payload.map((byte, at) => byte ^ mask[at % 4]);
  const length = payload.length < 126 ? [0x80 | payload.length] : [0x80 | 126, payload.length >> 8, payload.length & 0xff];
  return Buffer.concat([Buffer.from([0x88, ...length]), mask, masked]);
}

const payload = (code, reason = "") => Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]);

/** The code and the reason of the server's close, once the TCP connection has ended. */
async function closeWith(path, bytes, frames) {
  const connection = await start(`${server.url}${path}`, { headers: UPGRADE });
  try {
    assert.equal((await connection.head()).status, 101);
    for (let frame = 0; frame < frames; frame++) {
      const [, length] = await connection.bytes(2);
      await connection.bytes(length);
    }
    connection.write(closeFrame(bytes));
    const began = performance.now();
    const [opcode, length] = await connection.bytes(2, AT_ONCE_MS);
    assert.equal(opcode, 0x88, "a close frame");
    const answer = await connection.bytes(length, AT_ONCE_MS);
    await connection.ended(AT_ONCE_MS);
    assert.ok(performance.now() - began < AT_ONCE_MS);
    return length === 0 ? [] : [answer.readUInt16BE(0), answer.subarray(2).toString()];
  } finally {
    connection.close();
  }
}

for (const [path, frames] of [[() => `/echo/000/${randomUUID()}/websocket`, 1], [() => "/echo/websocket", 0]]) {
  const kind = frames ? "framed" : "raw";
  for (const [what, bytes, answer] of [
    ["1000", payload(1000), [1000, ""]],
    ["1000 and a reason", payload(1000, "bye"), [1000, "bye"]],
    ["1001", payload(1001), [1001, ""]],
    ["3000 and the longest reason", payload(3000, "x".repeat(123)), [3000, "x".repeat(123)]],
    ["4999", payload(4999), [4999, ""]],
    ["nothing", Buffer.alloc(0), [1000, ""]],
    ["0", payload(0), [1002, ""]],
    ["999", payload(999), [1002, ""]],
    ["1004", payload(1004), [1002, ""]],
    ["1006", payload(1006), [1002, ""]],
    ["1015", payload(1015), [1002, ""]],
    ["5000", payload(5000), [1002, ""]],
    ["1000 in little endian", payload(0xe803), [1002, ""]],
    ["65535", payload(65535), [1002, ""]],
  ]) {
    test(`a ${kind} WebSocket that its client closes with ${what} is answered at once`, async () => {
      assert.deepEqual(await closeWith(path(), bytes, frames), answer);
    });
  }

  test(`a ${kind} WebSocket with a close frame that is too long is closed with 1002 at once`, async () => {
    assert.equal((await closeWith(path(), payload(1000, "x".repeat(124)), frames))[0], 1002);
  });
}
