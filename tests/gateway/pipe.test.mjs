// The JavaScript that pipes a framed WebSocket, alone: how it writes and reads frames.

import assert from "node:assert/strict";
import { test } from "node:test";
import { messagesOf, quote } from "../../src/js/upstream_pipe.js";
import { NASTY_MESSAGE, TRANSPORTS } from "../harness/protocol/transports.mjs";

test("a message is escaped as in the frames of other transports", () => {
  assert.equal(`a[${quote(NASTY_MESSAGE)}]\n`, TRANSPORTS.xhr.nasty);
  const each = Array.from({ length: 0x10000 }, (_, code) => String.fromCharCode(code)).join("");
  assert.equal(JSON.parse(quote(each)), each);
  const written = new Set(quote(each));
  for (const lost of "\u200c\u200f\u2028\u202f\u2060\u206f\ufff0\uffff") assert.ok(!written.has(lost), escape(lost));
  for (const kept of "\u007f\u00ad\u200b\u2010\u2027\u2030\u205f\u2070\uffef") assert.ok(written.has(kept), escape(kept));
});

test("a frame of the client is an array of strings, a bare string, or nothing", () => {
  for (const [frame, messages] of [
    ["", []],
    ["[]", []],
    ['["a","b"]', ["a", "b"]],
    [' [ "a" ] ', ["a"]],
    ['"bare"', ["bare"]],
    [String.raw`["a\ud800b\udc00c"]`, ["a\ufffdb\ufffdc"]],
  ]) {
    assert.deepEqual(messagesOf(frame), messages);
  }
  for (const frame of ["[", "a", "1", "null", "{}", "[1]", '["a",null]', '[["a"]]', '["a"]x']) {
    assert.throws(() => messagesOf(frame), frame);
  }
});
