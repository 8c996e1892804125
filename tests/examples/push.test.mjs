// The push endpoint does what docs/push.openapi.json says of it, in an application of its own.

import { Validator } from "@seriousme/openapi-schema-validator";
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { example } from "../../scripts/examples.mjs";
import { readToml } from "../../scripts/tools.mjs";
import { start } from "../harness/clients/http.mjs";
import { connectStockClient } from "../harness/clients/stock-client.mjs";
import { DescribedPush, description, statuses } from "../harness/protocol/push.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { until, within } from "../harness/waiting/wait.mjs";

const TOKEN = "a secret of at least thirty-two characters";
const BODY_MAX = 1 << 20;
/** Bodies of that size that the server reads at once: they share 24 MiB. */
const AT_ONCE = 24;

const server = await startServer({ after }, { ...example("ticker"), vars: { PUSH_TOKEN: TOKEN } });
const described = new DescribedPush(() => server.url, TOKEN);
const push = (...args) => described.push(...args);

test("the description is OpenAPI 3.1, of this version", async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone(description));
  assert.ok(valid, JSON.stringify(errors, null, 1));
  assert.equal(validator.version, "3.1");
  assert.equal(description.info.version, readToml("Cargo.toml").workspace.package.version);
  for (const { value } of Object.values(description.paths["/push"].post.requestBody.content["application/json"].examples)) assert.ok(described.isOrder(value));
});

test("200: messages and closes reach a room, and one connection by its address", async (t) => {
  const ada = await listener(t);
  const bob = await listener(t);
  assert.deepEqual(await push({ room: "/ticker", message: "to all" }, 200), { connections: 2 });
  for (const { client } of [ada, bob]) assert.equal(await client.messages.next(), "to all");

  assert.deepEqual(await push({ connection: ada.address, message: "to one" }, 200), { connections: 1 });
  assert.equal(await ada.client.messages.next(), "to one");

  const close = { code: 3001, reason: "é".repeat(61) };
  assert.deepEqual(await push({ connection: ada.address, close }, 200), { connections: 1 });
  const closed = await within(ada.client.closed, "the close");
  assert.deepEqual([closed.code, closed.reason], [close.code, close.reason]);
  assert.deepEqual(await push({ connection: ada.address, message: "too late" }, 200), { connections: 0 });

  assert.deepEqual(await push({ room: "/ticker", close: { code: 1000 } }, 200), { connections: 1 });
  assert.equal((await within(bob.client.closed, "the close")).code, 1000);
  assert.deepEqual(await push({ room: "/ticker", message: "to nobody" }, 200), { connections: 0 });
});

const room = "/ticker";
const connection = "1@/ticker//room";
for (const [what, order] of [
  ["no text of JSON", "{"],
  ["no object", []],
  ["nothing in it", {}],
  ["no message and no close", { room }],
  ["nobody to push to", { message: "x" }],
  ["a room and a connection", { room, connection, message: "x" }],
  ["a message and a close", { room, message: "x", close: { code: 1000 } }],
  ["a message that is no text", { room, message: 1 }],
  ["more than is known", { room, message: "x", priority: 1 }],
  ["a close without a code", { room, close: {} }],
  ["a close with more than is known", { room, close: { code: 1000, why: "" } }],
  ["a code of the protocol's own", { room, close: { code: 1001 } }],
  ["a code that is none", { room, close: { code: 5000 } }],
  ["a code that no number of 16 bits is", { room, close: { code: 1e9 } }],
  ["a group of a connection", { connection, group: "g", message: "x" }],
  ["a count of a connection", { connection, count: true }],
  ["a call and a message", { room, message: "x", call: 1 }],
  ["a count that is none", { room, count: 1 }],
  ["a list that is none", { room, list: [] }],
  ["a list of nobody", { room, list: { limit: 0 } }],
  ["a list that is too long", { room, list: { limit: 1001 } }],
  ["a reason that is too long", { connection, close: { code: 1000, reason: "x".repeat(124) } }],
]) {
  test(`400: a body with ${what}, as the description says`, async () => {
    assert.ok(!described.isOrder(order));
    await push(order, 400);
  });
}

test("a room is counted and listed, page by page", async (t) => {
  const others = await Promise.all([listener(t), listener(t), listener(t)]);
  await until(async () => (await push({ room, count: true }, 200)).connections === others.length, "the others to be gone");
  const first = await push({ room, list: { limit: 2 } }, 200);
  const second = await push({ room, list: { limit: 2, after: first.next } }, 200);
  const addresses = [...first.list, ...second.list].map(({ address }) => address);
  assert.deepEqual(addresses.sort(), others.map(({ address }) => address).sort());
  assert.deepEqual((await push({ room, group: "nobody", list: {} }, 200)).list, []);
});

for (const [what, headers] of [
  ["no token", {}],
  ["a wrong token", { Authorization: "Bearer other" }],
  ["another scheme", { Authorization: `Basic ${TOKEN}` }],
  ["an empty token", { Authorization: "Bearer " }],
]) {
  test(`401: ${what}`, () => push({ room, message: "x" }, 401, { headers }));
}

for (const [what, order] of [
  ["a room that no service has", { room: "/nowhere", message: "x" }],
  ["a path below a room", { room: "/ticker/info", message: "x" }],
  ["an address that is none", { connection: "somebody", message: "x" }],
  ["an address in a service that is not there", { connection: "1@/nowhere//room", close: { code: 1000 } }],
]) {
  test(`404: ${what}`, () => push(order, 404));
}

for (const method of ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
  test(`405: ${method}`, () => push({ room, message: "x" }, 405, { method }));
}

test("413: a body over its limit, and none at it", async () => {
  const around = JSON.stringify({ room, message: "" }).length;
  await push({ room, message: "x".repeat(BODY_MAX - around) }, 200);
  await push({ room, message: "x".repeat(BODY_MAX - around + 1) }, 413);
});

test("408: a body that brings nothing while others wait for its memory", async (t) => {
  const begin = async () => {
    const headers = { Authorization: `Bearer ${TOKEN}`, "Content-Length": BODY_MAX };
    const connection = await start(`${server.url}/push`, { method: "POST", headers });
    t.after(() => connection.close());
    return connection;
  };
  const slow = await Promise.all(Array.from({ length: AT_ONCE }, begin));
  const ended = Promise.race(slow.map(async (connection) => {
    const head = await connection.head(30_000);
    return { ...head, body: await connection.body() };
  }));
  // Each of those that wait gives up after a few seconds, so there is always a fresh one.
  const over = new AbortController();
  const wait = async () => {
    while (!over.signal.aborted) {
      await begin();
      await sleep(500);
    }
  };
  const waiting = wait();
  try {
    described.check(await ended, 408);
  } finally {
    over.abort();
    await waiting;
  }
});

test("422: a call to an application that answers none", () => push({ room, call: "present" }, 422));

test("every status of the description was seen, but those of an application that fails and of what is broken", () => {
  const others = ["500", "503", "504"];
  assert.deepEqual([...described.seen].sort(), statuses.filter((status) => !others.includes(status)));
});

async function listener(owner) {
  const client = await connectStockClient(owner, `${server.url}/ticker`, "websocket");
  const { address } = JSON.parse(await client.messages.next("its address"));
  return { client, address };
}
