// The client of every case. The address of the server under test is in SOCKJS_URL.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { start } from "../harness/clients/http.mjs";

const BASE = process.env.SOCKJS_URL;
assert.ok(BASE, "SOCKJS_URL is not set: use npm run conformance");

/** Silence that counts as "not answered". It only bounds how early a wrong answer is noticed. */
const PENDING_MS = 250;

export const urlOf = (path) => `${BASE}${path}`;
export const host = new URL(BASE).host;

/** The path of a session that nobody has used yet. */
export const newSession = (service = "echo") => `/${service}/000/${randomUUID()}`;

export const get = (path, headers) => call(path, { headers });
export const post = (path, body, headers) => call(path, { method: "POST", body, headers });

/** One request on a connection of its own: `{ status, headers, body }`, each header as one text. */
export async function call(path, options) {
  const connection = await start(urlOf(path), options);
  try {
    return await answer(connection, options.method);
  } finally {
    connection.close();
  }
}

/** The response that a connection is sent. */
export async function answer(connection, method) {
  const head = lastOfEach(await connection.head());
  return { ...head, body: hasBody(head, method) ? await connection.body() : "" };
}

/** A client must be able to tell where a body ends. */
function hasBody({ status, headers }, method) {
  const isClosed = headers.connection?.toLowerCase() === "close";
  const isDelimited = headers["transfer-encoding"] === "chunked" || "content-length" in headers || isClosed;
  const mayHaveNone = [101, 204, 304].includes(status) || (status === 200 && method === "OPTIONS");
  assert.ok(isDelimited || mayHaveNone, `a body without an end: ${status} ${JSON.stringify(headers)}`);
  return isDelimited;
}

/** Of a header that came more than once the last one counts. */
export function lastOfEach({ headers, ...head }) {
  const last = Object.entries(headers).map(([name, value]) => [name, [value].flat().at(-1)]);
  return { ...head, headers: Object.fromEntries(last) };
}

/** A request of which nothing is read yet, for as long as the case lasts. */
export async function begin(t, path, options) {
  const connection = await start(urlOf(path), options);
  t.after(() => connection.close());
  return connection;
}

/** A request whose response is read chunk by chunk. */
export async function openStream(t, method, path, headers) {
  const connection = await begin(t, path, { method, headers });
  const head = lastOfEach(await connection.head());
  assert.equal(head.status, 200);
  assert.equal(head.headers["transfer-encoding"], "chunked", `the transfer encoding of ${path}`);
  return {
    ...head,
    /** The next HTTP chunk; null at the end of the response. */
    chunk: () => connection.chunk(),
    close: () => connection.close(),
    reset: () => connection.reset(),
  };
}

/** Asserts that these are the next chunks of the stream, each exactly one; null stands for the end. */
export async function assertChunks(stream, ...chunks) {
  for (const expected of chunks) assert.equal(await stream.chunk(), expected);
}

/** A poll that nothing is ready for. `body` is a promise of what it gets. */
export async function pendingPoll(t, path) {
  const connection = await begin(t, path, { method: "POST" });
  const body = answer(connection).then((response) => response.body);
  body.catch(() => {}); // cases leave polls behind
  assert.equal(await Promise.race([body, sleep(PENDING_MS, "pending")]), "pending");
  return { body, close: () => connection.close(), reset: () => connection.reset() };
}

/** Opens a session by its first poll. */
export async function openSession(path) {
  assertAnswer(await post(`${path}/xhr`), 200, "o\n");
}

/** Hands the body, a JSON array as it stands, to the session. */
export async function send(path, body) {
  assertAnswer(await post(`${path}/xhr_send`, body), 204, "");
}

export function assertAnswer(response, status, body) {
  assert.deepEqual([response.status, response.body], [status, body]);
}
