// Requests that can be refused without a session are refused before any object is called.

import assert from "node:assert/strict";
import { test } from "node:test";
import { request, start } from "../harness/clients/http.mjs";
import { PollingSession, openPollingSession } from "../harness/clients/polling-session.mjs";
import { assertContentType, assertCors, assertNotCached } from "../harness/protocol/headers.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { readObjects } from "../harness/servers/storage.mjs";
import { until } from "../harness/waiting/wait.mjs";

/** protocol/src/service/options/table.rs. */
const BODY_LIMIT = 8 << 20;
const MESSAGE_LIMIT = 512 << 10;

const UNKNOWN_PATHS = ["//", "/ech", "/echoo", "/Echo", "/other/info", "/favicon.ico"];
const UNKNOWN_BELOW = ["/a", "/a.html", "//", "///", "/a/a", "/a/a/", "/a/", "/info/x", "/0/s/unknown", "/0/s/xhr/x"];
const BAD_WEBSOCKETS = ["//websocket", "/0//websocket", "/0/s.s/websocket"];
const BAD_SESSIONS = ["//", "/a./a", "/a/a.", "/./.", "/", "///", `/a/${"s".repeat(1000)}`];

test("unknown paths and bad session ids are 404", async (t) => {
  const server = await startServer(t);
  const below = [...UNKNOWN_BELOW, ...BAD_WEBSOCKETS].map((path) => `/echo${path}`);
  for (const path of [...UNKNOWN_PATHS, ...below]) {
    assert.equal((await request(`${server.url}${path}`)).status, 404, path);
  }
  for (const path of BAD_SESSIONS) {
    for (const [method, segment] of [["GET", "xhr"], ["POST", "xhr"], ["POST", "xhr_send"]]) {
      const url = `${server.url}/echo${path}/${segment}`;
      assert.equal((await request(url, { method })).status, 404, `${method} ${url}`);
    }
  }
  assert.deepEqual(readObjects(server.objects), {});
});

test("a wrong method is 405, with the right ones and without a body or a content type", async (t) => {
  const server = await startServer(t);
  for (const [method, path, allow] of [
    ["POST", "/echo", "GET, HEAD"],
    ["OPTIONS", "/echo", "GET, HEAD"],
    ["POST", "/echo/info", "OPTIONS, GET, HEAD"],
    ["POST", "/echo/iframe.html", "GET, HEAD"],
    ["OPTIONS", "/echo/iframe.html", "GET, HEAD"],
    ["GET", "/echo/0/s/xhr", "POST, OPTIONS"],
    ["PUT", "/echo/0/s/xhr", "POST, OPTIONS"],
    ["GET", "/echo/0/s/xhr_send", "POST, OPTIONS"],
    ["DELETE", "/echo/0/s/xhr_send", "POST, OPTIONS"],
    ["GET", "/echo/0/s/xhr_streaming", "POST, OPTIONS"],
    ["POST", "/echo/0/s/eventsource", "GET, HEAD"],
    ["OPTIONS", "/echo/0/s/eventsource", "GET, HEAD"],
    ["POST", "/echo/0/s/htmlfile?c=cb", "GET, HEAD"],
    ["OPTIONS", "/echo/0/s/htmlfile?c=cb", "GET, HEAD"],
    ["POST", "/echo/0/s/jsonp?c=cb", "GET, HEAD"],
    ["OPTIONS", "/echo/0/s/jsonp?c=cb", "GET, HEAD"],
    ["GET", "/echo/0/s/jsonp_send", "POST"],
    ["OPTIONS", "/echo/0/s/jsonp_send", "POST"],
    ["POST", "/echo/0/s/websocket", "GET, HEAD"],
    ["OPTIONS", "/echo/0/s/websocket", "GET, HEAD"],
    ["POST", "/echo/websocket", "GET, HEAD"],
    ["OPTIONS", "/echo/websocket", "GET, HEAD"],
  ]) {
    const { status, headers, body } = await request(`${server.url}${path}`, { method });
    assert.deepEqual([status, body], [405, ""], `${method} ${path}`);
    assert.deepEqual(headers.allow.split(", ").sort(), allow.split(", ").sort(), `${method} ${path}`);
    assert.equal(headers["content-type"], undefined, `${method} ${path}`);
  }
  assert.deepEqual(readObjects(server.objects), {});
});

const LARGE = [
  // By what it is said to be, before it is there: whoever went on to send it might lose the answer with the connection.
  ["a body above 8 MiB", undefined, { "Content-Length": BODY_LIMIT + 1 }],
  ["a message above 512 KiB", JSON.stringify(["x".repeat(MESSAGE_LIMIT + 1)])],
];

const UNREADABLE = [
  ["", "Payload expected."],
  ["{}", "Payload expected."],
  ['"x"', "Payload expected."],
  ['["x', "Broken JSON encoding."],
  ["[1]", "Broken JSON encoding."],
];

async function assertRefused(session) {
  for (const [body, text] of UNREADABLE) {
    const response = await session.sendBody(body);
    assert.equal(response.status, 500, body);
    assert.ok(response.body.includes(text), `${body}: ${response.body}`);
  }
}

test("a send that cannot be read is refused, and its session lives on", async (t) => {
  const server = await startServer(t);
  const session = await openPollingSession(`${server.url}/echo`);
  await assertRefused(session);
  await session.send(["a"]);
  assert.equal((await session.poll()).body, 'a["a"]\n');
});

test("a send that is too large is refused, and closes its session", async (t) => {
  const server = await startServer(t);
  for (const [what, body, headers] of LARGE) {
    const session = await openPollingSession(`${server.url}/echo`);
    assert.equal((await session.sendBody(body, headers)).status, 413, what);
    assert.match((await session.poll()).body, /^c\[1009,"The (body|message) is larger than \d+ bytes \(\1_limit\)\."\]\n$/);
  }
});

test("a body that does not say its length is refused once it is too large, before its end", async (t) => {
  const server = await startServer(t);
  const { url } = new PollingSession(`${server.url}/echo`);
  const send = await start(`${url}/xhr_send`, { method: "POST", headers: { "Transfer-Encoding": "chunked" } });
  t.after(() => send.close());
  const length = 0x10000;
  for (let sent = 0; sent <= BODY_LIMIT; sent += length) send.write(`10000\r\n${"x".repeat(length)}\r\n`);
  assert.equal((await send.head()).status, 413);
});

test("a send of a type that holds no messages is refused, and its session lives on", async (t) => {
  const server = await startServer(t);
  const session = await openPollingSession(`${server.url}/echo`);
  for (const [segment, type] of [
    ["xhr_send", "application/x-www-form-urlencoded"],
    ["xhr_send", "multipart/form-data; boundary=x"],
    ["xhr_send", "application/octet-stream"],
    ["jsonp_send", "application/json"],
  ]) {
    const options = { method: "POST", headers: { "Content-Type": type }, body: '["a"]' };
    const { status, body } = await request(`${session.url}/${segment}`, options);
    assert.deepEqual([status, body], [500, "Payload expected."], `${segment}, ${type}`);
  }
  await session.send(["b"]);
  assert.equal((await session.poll()).body, 'a["b"]\n');
});

test("scripts of other origins may read why a send was refused", async (t) => {
  const server = await startServer(t);
  const session = await openPollingSession(`${server.url}/echo`);
  const unknown = new PollingSession(`${server.url}/echo`);
  for (const origin of [undefined, "test", "null"]) {
    for (const [to, body, status, headers] of [
      [unknown, '["a"]', 404],
      [session, "", 500],
      [session, '["x', 500],
      ...LARGE.map(([, body, headers]) => [unknown, body, 413, headers]),
    ]) {
      const refused = await to.sendBody(body, { ...headers, ...(origin && { Origin: origin }) });
      assert.equal(refused.status, status);
      assertCors(refused, origin);
      assertNotCached(refused);
      assertContentType(refused, "text/plain;charset=UTF-8");
    }
  }
});

test("a send that cannot be read asks no object, known session or not", async (t) => {
  const server = await startServer(t);
  await assertRefused(new PollingSession(`${server.url}/echo`));
  assert.deepEqual(readObjects(server.objects), {});
});

test("a send to an unknown session is 404, or 413; its object writes no row and sets no alarm", async (t) => {
  const server = await startServer(t);
  for (const [, body, headers] of LARGE) {
    assert.equal((await new PollingSession(`${server.url}/echo`).sendBody(body, headers)).status, 413);
  }
  for (const service of ["echo", "close"]) {
    const { status } = await new PollingSession(`${server.url}/${service}`).send(["a"]);
    assert.equal(status, 404);
  }
  for (const { rows, alarm } of Object.values(readObjects(server.objects))) {
    assert.deepEqual({ rows, alarm }, { rows: 0, alarm: null });
  }
});

test("a session leaves a row and an alarm, so that the tests above would see one", async (t) => {
  const server = await startServer(t);
  await openPollingSession(`${server.url}/echo`);
  const [{ rows, alarm }] = Object.values(readObjects(server.objects));
  assert.equal(rows, 1);
  assert.ok(alarm > Date.now());
});

test("a body that breaks off is a refusal like others, and no error of the Worker's", async (t) => {
  let log = "";
  const server = await startServer(t, { vars: { SOCKJS_LOG: "debug" }, log: (text) => (log += text) });
  const headers = { "Content-Type": "text/plain", "Content-Length": "1000" };
  const connection = await start(`${server.url}/echo/000/s/xhr_send`, { method: "POST", headers });
  connection.write('["a');
  connection.halfClose();
  await until(() => log.includes('"status":400'), "the end of the request");
  assert.doesNotMatch(log, /Error/);
});
