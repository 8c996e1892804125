import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { request } from "../harness/clients/http.mjs";
import { PollingSession, openPollingSession } from "../harness/clients/polling-session.mjs";
import { assertContentType, assertCors, assertNotCached } from "../harness/protocol/headers.mjs";
import { startServer } from "../harness/servers/server.mjs";

const server = await startServer({ after });
const echo = `${server.url}/echo`;

for (const origin of [undefined, "test", "null"]) {
  test(`a session over xhr: open frame, send, echo, each with the headers for origin ${origin}`, async () => {
    const session = new PollingSession(echo);
    const headers = origin && { Origin: origin };
    const opened = await session.poll(headers);
    const sent = await session.send(["x"], headers);
    const echoed = await session.poll(headers);

    assert.deepEqual([opened.status, opened.body], [200, "o\n"]);
    assert.deepEqual([sent.status, sent.body], [204, ""]);
    assert.deepEqual([echoed.status, echoed.body], [200, 'a["x"]\n']);
    assertContentType(sent, "text/plain;charset=UTF-8");
    for (const receive of [opened, echoed]) assertContentType(receive, "application/javascript;charset=UTF-8");
    for (const response of [opened, sent, echoed]) {
      assertCors(response, origin);
      assertNotCached(response);
    }
  });
}

test("the server segment of the path means nothing: a session is known by its id", async () => {
  const id = randomUUID();
  const post = (path, body) => request(`${echo}/${path}`, { method: "POST", body });
  assert.equal((await post(`000/${id}/xhr`)).body, "o\n");
  assert.equal((await post(`111/${id}/xhr_send`, '["a"]')).status, 204);
  assert.equal((await post(`999/${id}/xhr`)).body, 'a["a"]\n');
});

test("session and server may be any text without dots and semicolons", async () => {
  for (const path of ["a/a", "_/_", "1/1", "abcdefgh_i-j%20/abcdefg_i-j%20"]) {
    const url = `${echo}/${path}${Date.now()}/xhr`;
    assert.equal((await request(url, { method: "POST" })).body, "o\n", path);
  }
});

test("one id at two services is two sessions", async () => {
  const session = await openPollingSession(echo);
  const other = await request(session.url.replace("/echo/", "/instance/") + "/xhr", { method: "POST" });
  assert.equal(other.body, "o\n");
});

test("whatever waits comes in one frame, whatever content type it was sent with", async () => {
  const session = await openPollingSession(echo);
  const types = [
    "text/plain",
    "T",
    "application/json",
    "application/xml",
    "",
    "application/json; charset=utf-8",
    "text/xml; charset=utf-8",
    "text/xml",
  ];
  for (const type of types) {
    assert.equal((await session.send(["a"], { "Content-Type": type })).status, 204, type);
  }
  assert.equal((await session.send(["b", "c"])).status, 204, "no content type");
  const { body } = await session.poll();
  assert.deepEqual(JSON.parse(body.slice(1)), [...types.map(() => "a"), "b", "c"]);
});

test("an empty send is accepted and makes no frame", async () => {
  const session = await openPollingSession(echo);
  assert.equal((await session.send([])).status, 204);
  assert.equal((await session.send(["a"])).status, 204);
  assert.equal((await session.poll()).body, 'a["a"]\n');
});

test("a poll that waits gets the message as it comes, in one chunk", async (t) => {
  const session = await openPollingSession(echo);
  const poll = await session.startPoll(t);
  const head = await poll.head(); // sent before there is a frame
  assert.equal(head.status, 200);
  assertContentType(head, "application/javascript;charset=UTF-8");
  const message = "x".repeat(9 * 1024);
  await session.send([message]);
  assert.equal(await poll.chunk(), `a["${message}"]\n`);
  assert.equal(await poll.chunk(), null);
});
