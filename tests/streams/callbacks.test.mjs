// Special requirements of jsonp and htmlfile: the name of the page's function, and a way to send without XMLHttpRequest.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { request, start } from "../harness/clients/http.mjs";
import { Session } from "../harness/clients/session.mjs";
import { NOT_CACHED } from "../harness/protocol/headers.mjs";
import { NASTY_MESSAGE } from "../harness/protocol/transports.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { readObjects } from "../harness/servers/storage.mjs";

const FORM = "application/x-www-form-urlencoded";
const server = await startServer({ after });
const echo = `${server.url}/echo`;

const LONGEST = "aZ0_.-".padEnd(32, "c");
const REFUSED = [
  [["", "?", "?d=1"], '"callback" parameter required'],
  [["?c=", "?c=%20", "?c=*", "?c=abc(", "?c=abc%28", "?c=%22", "?callback=a%3Cb"], 'invalid "callback" parameter'],
  [[`?c=${LONGEST}c`], 'invalid "callback" parameter'],
];

for (const segment of ["htmlfile", "jsonp"]) {
  test(`${segment}: a request without a valid callback gets an error message, and no object is asked`, async (t) => {
    const fresh = await startServer(t);
    for (const [queries, text] of REFUSED) {
      for (const query of queries) {
        const { status, body } = await request(`${fresh.url}/echo/000/${randomUUID()}/${segment}${query}`);
        assert.deepEqual([status, body.trim()], [500, text], query);
      }
    }
    assert.deepEqual(readObjects(fresh.objects), {});
  });

  test(`${segment}: without a good callback no session is opened, no message taken, and nobody disturbed`, async (t) => {
    const session = new Session(t, echo, segment);
    const refuse = async () => assert.equal((await request(`${session.url}/${segment}?c=%22`)).status, 500);
    await refuse();
    assert.equal((await session.post("xhr_send", '["a"]')).status, 404);
    assert.equal(await session.next(), "o");
    await session.receiver();
    await refuse();
    await session.send("to who waits");
    assert.equal(await session.next(), 'a["to who waits"]');

    const idle = await openSession(t);
    await idle.send("to who comes next");
    assert.equal((await request(`${idle.url}/${segment}?callback=(`)).status, 500);
    assert.equal(await idle.next(), 'a["to who comes next"]');
  });

  test(`${segment}: the callback is c or callback, percent-decoded, and may be a path`, async (t) => {
    for (const [query, callback] of [
      ["?c=%63allback", "callback"],
      ["?callback=_jp.a-B9", "_jp.a-B9"],
      ["?t=1&c=cb&callback=other", "cb"],
      [`?c=${LONGEST}`, LONGEST],
    ]) {
      const receiver = await start(`${echo}/000/${randomUUID()}/${segment}${query}`);
      t.after(() => receiver.close());
      await receiver.head();
      const calls = { htmlfile: `    var c = parent.${callback};\n`, jsonp: `/**/${callback}("o");\r\n` };
      const text = segment === "jsonp" ? await receiver.body() : await receiver.chunk();
      assert.ok(text.includes(calls[segment]), text);
    }
  });
}

async function openSession(t) {
  const session = new Session(t, echo, "jsonp");
  assert.equal(await session.next(), "o");
  return session;
}

const jsonpSend = (session, body, headers) => session.post("jsonp_send", body, headers);

test("jsonp_send takes field d of a form, and plain text, which is not decoded", async (t) => {
  const session = await openSession(t);
  for (const [type, body, message] of [
    [FORM, `d=${encodeURIComponent(JSON.stringify([NASTY_MESSAGE]))}`, NASTY_MESSAGE],
    [FORM, "d=%5B%22a+b%22%5D", "a b"],
    [`${FORM}; charset=UTF-8`, 'x=1&d=["c"]&y=2', "c"],
    ["text/plain", '["%61bc"]', "%61bc"],
    ["text/plain;charset=UTF-8", '["é"]', "é"],
  ]) {
    const sent = await jsonpSend(session, body, { "Content-Type": type });
    assert.deepEqual([sent.status, sent.body], [200, "ok"], type);
    assert.equal(sent.headers["content-type"], "text/plain; charset=UTF-8");
    assert.equal(sent.headers["cache-control"], NOT_CACHED);
    assert.equal(sent.headers["access-control-allow-origin"], undefined);
    assert.deepEqual(JSON.parse((await session.next()).slice(1)), [message]);
  }
});

test("jsonp_send takes an empty array, and makes no frame of it", async (t) => {
  const session = await openSession(t);
  for (const body of ["d=[]", `d=["a"]`]) {
    assert.equal((await jsonpSend(session, body, { "Content-Type": FORM })).body, "ok");
  }
  assert.equal(await session.next(), 'a["a"]');
});

test("jsonp_send refuses in words what it cannot read, and the session goes on", async (t) => {
  const session = await openSession(t);
  for (const [type, body, text] of [
    [FORM, 'd=["x', "Broken JSON encoding."],
    [FORM, "", "Payload expected."],
    [FORM, "d=", "Payload expected."],
    [FORM, "p=p", "Payload expected."],
    ["text/plain", "", "Payload expected."],
    ["text/plain", '["x', "Broken JSON encoding."],
  ]) {
    const sent = await jsonpSend(session, body, { "Content-Type": type });
    assert.deepEqual([sent.status, sent.body.trim()], [500, text], `${type}: ${body}`);
  }
  await jsonpSend(session, 'd=["a"]', { "Content-Type": FORM });
  assert.equal(await session.next(), 'a["a"]');
});

test("jsonp_send to an unknown session is 404", async (t) => {
  const session = new Session(t, echo, "jsonp");
  assert.equal((await jsonpSend(session, 'd=["a"]', { "Content-Type": FORM })).status, 404);
});
