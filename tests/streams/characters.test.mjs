// Characters beyond ASCII, over each HTTP transport, in both directions.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Session } from "../harness/clients/session.mjs";
import { OUTGOING, SURROGATES } from "../harness/protocol/characters.mjs";
import { TRANSPORTS } from "../harness/protocol/transports.mjs";
import { startServer } from "../harness/servers/server.mjs";

const FORM = { "Content-Type": "application/x-www-form-urlencoded" };
const PLAIN = { "Content-Type": "text/plain" };

const server = await startServer({ after });

async function open(t, segment) {
  const session = new Session(t, `${server.url}/echo`, segment);
  assert.equal(await session.next(), "o");
  return session;
}

for (const segment of Object.keys(TRANSPORTS)) {
  test(`${segment}: characters that old browsers lose leave the server as escapes, and no others do`, async (t) => {
    const session = await open(t, segment);
    await session.send(OUTGOING.message);
    assert.equal(await session.next(), `a["${OUTGOING.inFrame}"]`);
  });

  test(`${segment}: a surrogate pair is one character, half of one is one U+FFFD, and the session goes on`, async (t) => {
    const session = await open(t, segment);
    const { sent, inFrame } = SURROGATES;
    if (segment === "jsonp") {
      assert.equal((await session.post("jsonp_send", `d=${encodeURIComponent(sent)}`, FORM)).status, 200);
    } else {
      assert.equal((await session.post("xhr_send", sent)).status, 204);
    }
    assert.equal(await session.next(), `a${inFrame}`);
    await session.send("a");
    assert.equal(await session.next(), 'a["a"]');
  });
}

/** Halves of pairs that were never escaped: what some encoders make of them is no UTF-8. */
const HALVES = Buffer.from('["\xed\xa0\xbdx\xed\xb8\x80","\xed\xa0\xbd\xed\xb8\x80","\xc3\xa9"]', "latin1");
const percentEncoded = (bytes) => [...bytes].map((byte) => `%${byte.toString(16)}`).join("");

for (const [how, segment, body, headers] of [
  ["xhr_send", "xhr_send", HALVES],
  ["jsonp_send, plain text", "jsonp_send", HALVES, PLAIN],
  ["jsonp_send, a form", "jsonp_send", `d=${percentEncoded(HALVES)}`, FORM],
]) {
  test(`${how}: half of a surrogate pair that was sent as bytes is one U+FFFD, too`, async (t) => {
    const session = await open(t, "xhr");
    assert.ok([200, 204].includes((await session.post(segment, body, headers)).status));
    assert.equal(await session.next(), String.raw`a["\ufffdx\ufffd","\ufffd\ufffd","é"]`);
  });
}
