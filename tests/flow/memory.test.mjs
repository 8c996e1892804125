// One object with much that waits: what waits for clients over HTTP is left to storage, and nobody who reads loses anything.
// With SOCKJS_FULL (npm run large) the numbers are those of a large room.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openSession } from "../harness/clients/eager-session.mjs";
import { openPollingSession } from "../harness/clients/polling-session.mjs";
import { startSlowProxy } from "../harness/proxies/slow-proxy.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { readEachObject } from "../harness/servers/storage.mjs";
import { until } from "../harness/waiting/wait.mjs";

const KIB = 1024;
const MIB = 1024 * KIB;

const IS_FULL = Boolean(process.env.SOCKJS_FULL);
const READERS = IS_FULL ? 100 : 40;
const SLEEPERS = IS_FULL ? 500 : 60;
const MEMBERS = IS_FULL ? 200 : 40;
/** Number of sessions that are filled or read at a time. */
const AT_ONCE = 10;
const LONG_MS = 120_000;

/** All sessions of a service share one object, and none ends before its client comes. */
const ONE_OBJECT = { SOCKJS_PLACEMENT: "shards:1", SOCKJS_DISCONNECT_DELAY: "3600000" };
/** In the short form, less memory for fewer readers: the ratio is the same. */
const LIMIT = IS_FULL ? 48 * MIB : 16 * MIB;

/** Each flood writes a line. */
const log = () => {};

/** Backlogs for sessions to read, in messages of 1 KiB. */
const HALF = { bytes: MIB / 2, size: KIB };
/** As much as `queue_limit` holds, counting 64 bytes for each message. */
const WHOLE = { bytes: Math.floor(MIB / (KIB + 64)) * KIB, size: KIB };

test("clients that come late lose nothing, and none is closed, though more waits for them than fits in memory", async (t) => {
  const server = await startServer(t, { vars: { ...ONE_OBJECT, SOCKJS_OBJECT_QUEUE_LIMIT: String(LIMIT) }, log });
  const sessions = await inBatches(READERS, () => openPollingSession(`${server.url}/flood`));
  await eachInBatches(sessions, (session) => order(session, HALF));
  await until(() => stored(server.objects) > (READERS * HALF.bytes) / HALF.size / 4, "messages in storage", LONG_MS);
  await eachInBatches(sessions, async (session) => assertNumbered(await readAll(session, HALF), HALF));
});

test("clients that read all the time lose nothing while others fill the memory", async (t) => {
  const server = await startServer(t, { vars: { ...ONE_OBJECT, SOCKJS_OBJECT_QUEUE_LIMIT: String(2 * MIB) }, log });
  const transports = ["websocket", "xhr_streaming", "eventsource", "htmlfile", "xhr", "jsonp"];
  const late = await inBatches(8, () => openPollingSession(`${server.url}/flood`));
  const readers = await Promise.all(transports.map((transport) => openSession(t, `${server.url}/flood`, transport)));
  await eachInBatches(late, (session) => order(session, HALF));
  await Promise.all(readers.map((reader) => reader.send([JSON.stringify({ ...HALF, waits: true })])));
  for (const reader of readers) assertNumbered(await reader.received(HALF.bytes / HALF.size), HALF);
  await eachInBatches(late, async (session) => assertNumbered(await readAll(session, HALF), HALF));
});

test("where clients that do not read fill the memory, the fullest is closed, and whoever reads loses nothing", async (t) => {
  let lines = "";
  const vars = { ...ONE_OBJECT, SOCKJS_OBJECT_QUEUE_LIMIT: String(2 * MIB) };
  const server = await startServer(t, { vars, log: (text) => (lines += text) });
  const open = () => openSession(t, `${server.url}/flood`, "websocket");
  const stuck = await Promise.all(Array.from({ length: 6 }, open));
  const reader = await open();
  const endless = { bytes: 40 * MIB, size: 4 * KIB };
  for (const session of stuck) {
    session.pause();
    await session.send([JSON.stringify(endless)]);
  }
  await reader.send([JSON.stringify({ ...HALF, waits: true })]);
  assertNumbered(await reader.received(HALF.bytes / HALF.size), HALF);
  await until(() => lines.includes("object_queue_limit is used up"), "memory that is used up", LONG_MS);
  // A socket that does not read does not see its close either.
  stuck.forEach((session) => session.resume());
  const ended = () => stuck.filter(({ end }) => end);
  await until(() => ended().length > 0, "a close", LONG_MS);
  for (const { end, messages } of ended()) {
    assert.deepEqual(end, [1013, "Too slow"]);
    assert.equal(messages.findIndex((message, at) => Number.parseInt(message) !== at), -1, "no gap before the close");
  }
});

test("members that read are not closed for what one of them sends to all, however much that is", async (t) => {
  let lines = "";
  const vars = { SOCKJS_OBJECT_QUEUE_LIMIT: String(4 * MIB), SOCKJS_ROOM_PATIENCE: "20000" };
  const server = await startServer(t, { vars, log: (text) => (lines += text) });
  const room = `${server.url}/broadcast`;
  const transports = Array.from({ length: MEMBERS }, (_, at) => (at % 4 === 3 ? "xhr_streaming" : "websocket"));
  const members = await Promise.all(transports.map((transport) => openSession(t, room, transport)));
  const said = Array.from({ length: 300 }, (_, number) => `${number}${"-".repeat(KIB)}`);
  await members[0].send(said);
  for (const member of members) assert.deepEqual(await member.received(said.length), said);
  assert.doesNotMatch(lines, /object_queue_limit/);
});

test("streams that nobody reads are closed one by one, and whoever reads loses nothing", async (t) => {
  let lines = "";
  const vars = { ...ONE_OBJECT, SOCKJS_OBJECT_QUEUE_LIMIT: String(MIB) };
  const server = await startServer(t, { vars, log: (text) => (lines += text) });
  const proxy = await startSlowProxy(t, server.url);
  const open = (transport, url = server.url) => openSession(t, `${url}/flood`, transport);
  const stuck = await Promise.all(Array.from({ length: 4 }, () => open("xhr_streaming", proxy.url)));
  const readers = await Promise.all(["websocket", "xhr_streaming", "xhr"].map((transport) => open(transport)));
  proxy.down.shut();
  const large = JSON.stringify({ bytes: 60 * MIB, size: 400 * KIB, waits: true });
  // The proxy holds back the answers, too.
  for (const session of stuck) session.send([large]).catch(() => {});
  await until(() => lines.includes("object_queue_limit is used up"), "memory that is used up", LONG_MS);
  await Promise.all(readers.map((reader) => reader.send([JSON.stringify({ ...HALF, waits: true })])));
  for (const reader of readers) assertNumbered(await reader.received(HALF.bytes / HALF.size), HALF);
  assert.ok(readers.every(({ end }) => end === undefined));
});

test("an object that wakes up with many full queues in storage reads what it is asked for", async (t) => {
  const server = await startServer(t, { vars: ONE_OBJECT, log });
  const sessions = await inBatches(SLEEPERS, () => openPollingSession(`${server.url}/flood`));
  await eachInBatches(sessions, (session) => order(session, WHOLE));
  const all = SLEEPERS * WHOLE.bytes;
  await until(() => stored(server.objects) === all / WHOLE.size, "all messages in storage", LONG_MS);
  await server.kill();
  await server.start();
  await openPollingSession(`${server.url}/echo`);
  const before = server.memory();
  const [first, ...others] = sessions;
  const frame = await first.poll();
  assert.ok(frame.body.startsWith('a["0-'), frame.body.slice(0, 20));
  const growth = server.memory() - before;
  t.diagnostic(`${(all / MIB).toFixed(0)} MiB in storage; memory grew by ${(growth / MIB).toFixed(1)} MiB`);
  assert.ok(growth < Math.min(64 * MIB, all / 2), `it grew by ${growth} bytes`);
  const [last] = others.slice(-1);
  assertNumbered(await readAll(last, WHOLE), WHOLE);
});

/** The client asks for messages: `{ bytes, size }`. */
async function order(session, what) {
  const { status } = await session.send([JSON.stringify(what)]);
  assert.equal(status, 204);
}

/** Polls until all that was ordered came. */
async function readAll(session, { bytes, size }) {
  const read = [];
  while (read.length < bytes / size) {
    const { status, body } = await session.poll();
    assert.equal(status, 200);
    assert.ok(/^[ah]/.test(body), `a frame of messages: ${body.slice(0, 60)}`);
    if (body.startsWith("a")) read.push(...JSON.parse(body.slice(1)));
  }
  return read;
}

function assertNumbered(messages, { bytes, size }) {
  assert.equal(messages.length, bytes / size);
  assert.equal(messages.findIndex((message, at) => Number.parseInt(message) !== at), -1, "each comes once and in order");
}

/** Returns the number of messages that objects have in storage; 0 if they were writing just then. */
function stored(directory) {
  let messages = 0;
  const count = (database) => {
    const isThere = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'sockjs_messages_1'").get();
    const sum = "SELECT sum(last - first + 1) AS messages FROM sockjs_messages_1";
    if (isThere) messages += database.prepare(sum).get().messages ?? 0;
  };
  try {
    readEachObject(directory, count);
    return messages;
  } catch (error) {
    if (error.code === "ERR_SQLITE_ERROR") return 0;
    throw error;
  }
}

async function inBatches(count, open) {
  const opened = [];
  while (opened.length < count) {
    const size = Math.min(AT_ONCE, count - opened.length);
    opened.push(...(await Promise.all(Array.from({ length: size }, open))));
  }
  return opened;
}

async function eachInBatches(items, body) {
  for (let at = 0; at < items.length; at += AT_ONCE) await Promise.all(items.slice(at, at + AT_ONCE).map(body));
}
