// Bodies that are made to take much memory: each takes about as much as a harmless one of the same size.

import assert from "node:assert/strict";
import { test } from "node:test";
import { request } from "../harness/clients/http.mjs";
import { openPollingSession } from "../harness/clients/polling-session.mjs";
import { leastOf } from "../harness/machine/memory.mjs";
import { within } from "../harness/waiting/wait.mjs";
import { MIB, growthDuring, mib, startMeasured } from "./growth.mjs";

/** protocol/src/service/options/table.rs. */
const BODY_LIMIT = 8 << 20;
/** src/push/http.rs. */
const BODY_MAX = 1 << 20;

const ANSWER_MS = 120_000;
/** Bytes by which a hostile body may grow the memory beyond what a harmless one of the same size needs. */
const NOISE = 12 * MIB;

const repeated = (bytes, head, part, tail) => {
  const count = Math.floor((bytes - head.length - tail.length) / part.length);
  return Buffer.concat([Buffer.from(head), Buffer.alloc(count * part.length, part, "latin1"), Buffer.from(tail)]);
};
const BAD_STRING = `"${"\xff".repeat(1000)}"`;
const FORM = { "Content-Type": "application/x-www-form-urlencoded" };

const tooLarge = (what, limit) => [413, `c[1009,"The ${what} is larger than ${limit} bytes (${what}_limit)."]\n`];
const BODY_TOO_LARGE = tooLarge("body", BODY_LIMIT);
const MESSAGE_TOO_LARGE = tooLarge("message", 512 << 10);

const HARMLESS = () => repeated(BODY_LIMIT, '["', "x", '"]');
for (const [what, hostile, expected, { path = "xhr_send", headers } = {}] of [
  ["one string of bytes that are no UTF-8", () => repeated(BODY_LIMIT, '["', "\xff", '"]'), BODY_TOO_LARGE],
  ["strings of bytes that are no UTF-8", () => repeated(BODY_LIMIT, '[""', `,${BAD_STRING}`, "]"), BODY_TOO_LARGE],
  ["a string of escapes that are half of a pair", () => repeated(BODY_LIMIT, '["', "\\ud800", '"]'), MESSAGE_TOO_LARGE],
  ["a long string with an escape near its end", () => repeated(BODY_LIMIT, '["', "x", '\\n.\\n"]'), MESSAGE_TOO_LARGE],
  [
    "a form of bytes that are no UTF-8",
    () => repeated(BODY_LIMIT, 'd=["', "%ff", '"]'),
    MESSAGE_TOO_LARGE,
    { path: "jsonp_send", headers: FORM },
  ],
]) {
  test(`a send takes no more memory than another of its size: ${what}`, async (t) => {
    const harmless = await sendMeasured(t, HARMLESS(), MESSAGE_TOO_LARGE);
    const growth = await leastOf(() => sendMeasured(t, hostile(), expected, path, headers), harmless + NOISE);
    t.diagnostic(`memory +${mib(growth)}, of a harmless one +${mib(harmless)}`);
    assertSimilar(growth, harmless);
  });
}

/** The answer to a send, and the next poll's; `["warm"]` goes before. */
async function sendMeasured(owner, body, expected, path = "xhr_send", headers = {}) {
  const server = await startMeasured(owner, {});
  const warm = await openPollingSession(`${server.url}/echo`);
  await warm.send(["warm"]);
  assert.equal((await warm.poll()).body, 'a["warm"]\n');
  const session = await openPollingSession(`${server.url}/echo`);
  const send = () => request(`${session.url}/${path}`, { method: "POST", headers, body, ms: ANSWER_MS });
  const { result, growth } = await growthDuring(server, send);
  const { body: frame } = await within(session.poll(), "a frame", ANSWER_MS);
  assert.deepEqual([result.status, frame.slice(0, 100)], expected);
  return growth;
}

test("bytes that are not valid UTF-8 are accepted as long as the decoded string is within body_limit", async (t) => {
  const server = await startMeasured(t, {});
  const session = await openPollingSession(`${server.url}/echo`);
  const { status } = await session.sendBody(Buffer.from(`[${BAD_STRING}]`, "latin1"));
  assert.equal(status, 204);
  assert.deepEqual(JSON.parse((await session.poll()).body.slice(1)), ["\ufffd".repeat(1000)]);

  const other = await openPollingSession(`${server.url}/echo`);
  const within = repeated(BODY_LIMIT / 3, '[""', `,${BAD_STRING}`, "]");
  const good = repeated(BODY_LIMIT - 4096, '[""', `,"${"x".repeat(3000)}"`, "]");
  const { growth } = await growthDuring(server, () => other.sendBody(good));
  const measure = async () => {
    const fresh = await openPollingSession(`${server.url}/echo`);
    const { result, growth } = await growthDuring(server, () => fresh.sendBody(within));
    assert.equal(result.status, 204);
    return growth;
  };
  const hostile = await leastOf(measure, growth + NOISE);
  t.diagnostic(`memory +${mib(hostile)}, of the string that they stand for +${mib(growth)}`);
  assertSimilar(hostile, growth);
});

test("a push takes no more memory than another of its size", async (t) => {
  const token = "a secret of at least thirty-two characters";
  const push = async (body, expected) => {
    const server = await startMeasured(t, { SOCKJS_PUSH_TOKENS: token });
    const headers = { Authorization: `Bearer ${token}` };
    const send = (body) => request(`${server.url}/push`, { method: "POST", headers, body, ms: ANSWER_MS });
    await send("{}");
    const { result, growth } = await growthDuring(server, () => send(body));
    assert.deepEqual([result.status, JSON.parse(result.body)], [400, { error: expected }]);
    return growth;
  };
  const harmless = await push(repeated(BODY_MAX, '{"message":"', "x", '"}'), "needs one of room and connection, and a group only with a room");
  const body = repeated(BODY_MAX, '{"x":[{"":1}', ',{"":1}', "]}");
  const hostile = await leastOf(() => push(body, "unknown field x"), harmless + NOISE);
  t.diagnostic(`memory +${mib(hostile)}, of a harmless one +${mib(harmless)}`);
  assertSimilar(hostile, harmless);
});

function assertSimilar(hostile, harmless) {
  assert.ok(hostile <= harmless + NOISE, `memory grew by ${mib(hostile)}, and by ${mib(harmless)} for a harmless body`);
}
