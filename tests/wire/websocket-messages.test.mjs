// Messages over WebSockets, framed and raw: of all sizes, in pieces, compressed, in numbers, and of all characters.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, describe, test } from "node:test";
import { quote } from "sockjs/lib/utils.js";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { OUTGOING, SURROGATES } from "../harness/protocol/characters.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { within } from "../harness/waiting/wait.mjs";

const MESSAGE_LIMIT = 512 * 1024;
/** At which the WebSocket protocol changes how a length is written, buffers of the usual sizes, and the limit. */
const SIZES = [0, 1, 125, 126, 4095, 4096, 4097, 65_535, 65_536, 128 * 1024, MESSAGE_LIMIT - 1, MESSAGE_LIMIT];

const server = await startServer({ after });

/** Kinds of WebSockets: the function that opens one, and the framing of incoming and outgoing messages. */
const KINDS = {
  framed: {
    async open(t, options) {
      const socket = await openWebSocket(t, `${server.url}/echo/000/${randomUUID()}/websocket`, options);
      assert.equal(await socket.frames.next("the open frame"), "o");
      return socket;
    },
    sent: (message) => `["${message}"]`,
    received: (message) => `a["${message}"]`,
    messagesOf: (frame) => JSON.parse(frame.slice(1)),
  },
  raw: {
    open: (t, options) => openWebSocket(t, `${server.url}/echo/websocket`, options),
    sent: (message) => message,
    received: (message) => message,
    messagesOf: (frame) => [frame],
  },
};

test("what answers a burst goes in frames of several messages, in order", async (t) => {
  const socket = await KINDS.framed.open(t, {});
  const size = 1000;
  // How much of a burst the object sees at once depends on how busy both ends are, so bursts come until one was joined.
  let joined = false;
  for (let burst = 0; burst < 30 && !joined; burst++) {
    const messages = Array.from({ length: size }, (_, n) => `${burst}.${n}`);
    socket.sendTogether(messages.map(KINDS.framed.sent));
    const echoed = [];
    while (echoed.length < size) {
      const together = KINDS.framed.messagesOf(await socket.frames.next(`an answer to burst ${burst}`));
      joined ||= together.length > 1;
      echoed.push(...together);
    }
    assert.deepEqual(echoed, messages);
  }
  assert.ok(joined, "every answer went in a frame of its own");
});

test("what answers a burst comes before the answer to the close behind it", async (t) => {
  const socket = await KINDS.framed.open(t, {});
  const messages = Array.from({ length: 64 }, (_, n) => `${n}`);
  const echoed = [];
  // The first rounds teach the object that messages come in bursts.
  for (let round = 0; round < 4; round++) {
    socket.sendTogether(messages.map(KINDS.framed.sent));
    if (round === 3) socket.close(1000);
    while (echoed.length < messages.length) echoed.push(...KINDS.framed.messagesOf(await socket.frames.next("an answer")));
    assert.deepEqual(echoed.splice(0), messages);
  }
  assert.equal((await socket.closed).code, 1000);
});

for (const [kind, { open, sent, received, messagesOf }] of Object.entries(KINDS)) {
  describe(`a ${kind} WebSocket`, () => {
    for (const perMessageDeflate of [false, { threshold: 0 }]) {
      const how = perMessageDeflate ? "whose client offers compression" : "uncompressed";
      test(`${how}: messages of every size up to the limit come back whole, each in one`, async (t) => {
        const socket = await open(t, { perMessageDeflate });
        for (const size of SIZES) {
          const message = "x".repeat(size);
          socket.send(sent(message));
          const frame = await socket.frames.next(`${size} bytes`);
          assert.ok(frame === received(message), `${size} bytes came back as ${frame.length}`);
        }
      });

      test(`${how}: a message in fragments is one, with a ping between two and cuts within characters`, async (t) => {
        const socket = await open(t, { perMessageDeflate });
        const bytes = Buffer.from(sent("é漢😀".repeat(10)));
        for (let at = 0; at < bytes.length; at++) {
          socket.send(bytes.subarray(at, at + 1), { binary: false, fin: at === bytes.length - 1 });
          if (at === bytes.length >> 1) socket.ping("?");
        }
        // Between compressed fragments, workerd 1.20261117 adds four bytes to its answer.
        const pong = await socket.pongs.next("a pong");
        assert.equal(perMessageDeflate ? pong[0] : pong, "?");
        assert.equal(await socket.frames.next(), received((kind === "raw" ? "é漢😀" : "é漢\\ud83d\\ude00").repeat(10)));
      });
    }

    for (const [width, message] of [
      ["one byte", "x".repeat(MESSAGE_LIMIT + 1)],
      ["two bytes", "é".repeat(MESSAGE_LIMIT / 2 + 1)],
    ]) {
      test(`a message above the limit, made of characters that take ${width} each, closes the WebSocket with 1009`, async (t) => {
        const socket = await open(t);
        socket.send(sent(message));
        const closed = await within(socket.closed, "the end of the connection");
        assert.deepEqual(closed, { code: 1009, reason: "Message too large" });
        assert.equal(socket.frames.length, 0);
      });
    }

    test("3,000 messages, none waiting for another, come back in order and once", async (t) => {
      const socket = await open(t);
      const messages = Array.from({ length: 3000 }, (_, number) => `${number}:${"x".repeat(number % 300)}`);
      for (const message of messages) socket.send(sent(message));
      for (let at = 0; at < messages.length; ) {
        const got = messagesOf(await socket.frames.next());
        assert.deepEqual(got, messages.slice(at, at + got.length));
        at += got.length;
      }
      socket.send(sent("the end"));
      assert.equal(await socket.frames.next(), received("the end"));
    });
  });
}

test("characters that old browsers lose leave a framed WebSocket as escapes, and a raw one as they are", async (t) => {
  for (const [kind, inFrame] of [
    ["framed", `a["${OUTGOING.inFrame}"]`],
    ["raw", OUTGOING.message],
  ]) {
    const socket = await KINDS[kind].open(t);
    socket.send(kind === "framed" ? JSON.stringify(OUTGOING.message) : OUTGOING.message);
    assert.equal(await socket.frames.next(), inFrame, kind);
  }
});

test("every character is escaped as sockjs-node escapes it", async (t) => {
  const socket = await KINDS.framed.open(t);
  const block = (number) => Array.from({ length: 0x100 }, (_, low) => number * 0x100 + low);
  const isHalf = (code) => code >= 0xd800 && code <= 0xdfff;
  // All of the first plane, and some of the others.
  for (const number of [...Array(0x100).keys(), 0x100, 0x1f6, 0x2ff, 0x10ff]) {
    const message = String.fromCodePoint(...block(number).filter((code) => !isHalf(code)));
    socket.send(JSON.stringify(message));
    assert.equal(await socket.frames.next(), `a[${quote(message)}]`);
  }
});

test("on a framed WebSocket a surrogate pair is one character, half of one is one U+FFFD, and it goes on", async (t) => {
  const socket = await KINDS.framed.open(t);
  socket.send(SURROGATES.sent);
  assert.equal(await socket.frames.next(), `a${SURROGATES.inFrame}`);
  for (const [sent, inFrame] of SURROGATES.each) {
    socket.send(sent); // one message needs no array
    assert.equal(await socket.frames.next(), `a[${inFrame}]`);
  }
});

test("on a raw WebSocket an escape is the text that it is", async (t) => {
  const socket = await KINDS.raw.open(t);
  socket.send(SURROGATES.sent);
  assert.equal(await socket.frames.next(), SURROGATES.sent);
});
