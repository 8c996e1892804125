import assert from "node:assert/strict";
import { test } from "node:test";
import { assertAnswer, newSession, openSession, post, send } from "../client.mjs";

const range = (first, last) => Array.from({ length: last - first + 1 }, (_, index) => first + index);
const raw = (units) => String.fromCharCode(...units);
const escaped = (units) => units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");

// Browsers mangle these on the way to a script, so no server may send them as they are.
test("JSONEncoding.test_xhr_server_encodes", async () => {
  const units = [range(0x200c, 0x200f), range(0x2028, 0x202f), range(0x2060, 0x206f), range(0xfff0, 0xffff)].flat();
  const session = newSession();
  await openSession(session);
  await send(session, `["${raw(units)}"]`);
  assertAnswer(await post(`${session}/xhr`), 200, `a["${escaped(units)}"]\n`);
});

// Clients escape what they have doubts about, so a server must take any escape there is, in either case.
test("JSONEncoding.test_xhr_server_decodes", async () => {
  const session = newSession();
  await openSession(session);
  for (const block of range(0, 15)) {
    const units = range(block * 0x1000, block * 0x1000 + 0xfff).filter((unit) => unit < 0xd800 || unit > 0xdfff);
    await send(session, `["${escaped(units)}","${escaped(units).toUpperCase().replaceAll("\\U", "\\u")}"]`);
    const { body } = await post(`${session}/xhr`);
    assert.equal(body[0], "a");
    assert.deepEqual(JSON.parse(body.slice(1)), [raw(units), raw(units)]);
  }
  await send(session, String.raw`["\ud83d\ude00 \ud800\udc00 \udbff\udfff"]`);
  const { body } = await post(`${session}/xhr`);
  assert.deepEqual(JSON.parse(body.slice(1)), ["\u{1f600} \u{10000} \u{10ffff}"]);
});
