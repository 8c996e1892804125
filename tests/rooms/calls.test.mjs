// Calls of a room's application from outside, lists and counts: over HTTP, and what a program gets that asks for the wrong thing.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { DescribedPush } from "../harness/protocol/push.mjs";
import { request } from "../harness/clients/http.mjs";
import { startMiniflare } from "../harness/servers/miniflare.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { until } from "../harness/waiting/wait.mjs";
import { openMember } from "../harness/clients/member.mjs";

const TOKEN = "a secret of at least thirty-two characters";
const VARS = { SOCKJS_PUSH_TOKENS: TOKEN, SOCKJS_HEARTBEAT_DELAY: "34000" };
/** Of an object, for a call. */
const LIMIT_MS = 8_000;

const server = await startServer({ after }, { vars: VARS, log: () => {} });

const described = new DescribedPush(() => server.url, TOKEN);

/** Posts an order, whose answer has `status`, and returns what it says. */
const push = (order, status = 200, options) => described.push(order, status, options);
const call = async (room, question, options) => (await push({ room, call: question }, 200, options)).answer;
/** Gives a call that fails with `status`, and returns the problem. */
const failed = async (room, question, status, options) => (await push({ room, call: question }, status, options)).error;

describe("calls", { concurrency: true }, () => {
  test("the application answers with JSON, in a room where nobody is, too", async (t) => {
    assert.deepEqual(await call("/society/empty", { count: null }), 0);
    const member = await openMember(t, `${server.url}/society/one`, "websocket");
    assert.deepEqual(await call("/society/one", { count: null }), 1);
    const value = { text: "é\"\\\u2028", list: [1, null, true, { deep: [[]] }] };
    assert.deepEqual(await call("/society/one", { echo: value }), value);
    assert.deepEqual(await call("/society/one", { say: "hello" }), 1);
    assert.equal(await member.said.next(), "hello");
  });

  test("wrong input is rejected with the application's words", async () => {
    for (const wrong of [{ unknown: 1 }, "text", null, { sleep: -1 }]) {
      assert.match(await failed("/society/wrong", wrong, 422), /expected|unknown|invalid/);
    }
  });

  test("a service without on_call rejects every call", async () => {
    assert.equal(await failed("/broadcast", {}, 422), "this service answers no calls");
  });

  test("no room, no application, no order: each has its status", async () => {
    for (const room of ["/nowhere", "/echo", "/society", "/society/a/b"]) await failed(room, {}, 404);
    for (const question of [{ fail: null }, { no_json: null }]) {
      assert.equal(await failed("/society/a", question, 500), "the application failed");
    }
    await push({ room: "/society/a" }, 400);
    await push({ connection: "1@/society/a//room", call: 1 }, 400);
  });

  test("a call of a group is refused: the application answers for its room", async () => {
    assert.match((await push({ room: "/society/a", group: "g", call: { count: null } }, 400)).error, /no group/);
  });

  test("calls that wait are bounded in bytes, and the room goes on", async () => {
    const room = "/society/heavy";
    const heavy = `{"room":"${room}","call":{"sleep":${" ".repeat(1_000_000)}6000}}`;
    const headers = { Authorization: `Bearer ${TOKEN}` };
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => request(`${server.url}/push`, { method: "POST", headers, body: heavy, ms: 60_000 })),
    );
    const refused = answers.filter(({ status }) => status === 503);
    assert.equal(answers.filter(({ status }) => status === 200).length + refused.length, answers.length);
    assert.ok(refused.length >= 4 && refused.length < 12, `${refused.length} refused`);
    for (const { body } of refused) assert.match(body, /too many calls wait/);
    assert.deepEqual(await call(room, { count: null }), 0);
  });

  test("a call that takes too long is answered, and the room goes on", async () => {
    const began = performance.now();
    const slow = failed("/society/slow", { sleep: LIMIT_MS + 3_000 }, 504, { ms: 60_000 });
    assert.deepEqual(await call("/society/slow", { count: null }), 0, "it waits for no other");
    assert.equal(await slow, "the application did not answer in time");
    assert.ok(performance.now() - began >= LIMIT_MS - 50);
    assert.deepEqual(await call("/society/slow", { count: null }), 0);
  });

  test("a call to a room of several objects is answered by one", async () => {
    assert.deepEqual(await call("/nation", { count: null }), 0);
  });

  test("a room that sleeps wakes up for a call, with its members", async (t) => {
    const sleepy = await startMiniflare(t, { vars: VARS });
    const member = await openMember(t, `${sleepy.url}/society/sleepy`, "websocket");
    assert.deepEqual(await member.order({ join: "g" }), { done: null });
    await sleepy.evict("/society/sleepy//room", "hibernate");
    const { answer } = await new DescribedPush(() => sleepy.url, TOKEN).push({ room: "/society/sleepy", call: { count: null } }, 200);
    assert.equal(answer, 1);
  });
});

describe("counts, lists, groups and closes", { concurrency: true }, () => {
  test("a room and its groups are counted, sent to and closed", async (t) => {
    const room = "/society/crowd";
    const members = [];
    for (const group of ["a", "a", "b"]) {
      members.push(await openMember(t, `${server.url}${room}`, "websocket", { query: `group=${group}` }));
    }
    assert.equal((await push({ room, count: true })).connections, 3);
    assert.equal((await push({ room, group: "a", count: true })).connections, 2);
    assert.equal((await push({ room, group: "a", message: "hello" })).connections, 2);
    for (const member of members.slice(0, 2)) assert.equal(await member.said.next(), "hello");
    assert.equal((await push({ room, group: "b", close: { code: 3000, reason: "over" } })).connections, 1);
    await members[2].closed;
    assert.equal(members[2].closeFrame, 'c[3000,"over"]');
    assert.equal((await push({ room, group: "b", count: true })).connections, 0);
  });

  test("a list comes page by page, each connection once, over all objects", async (t) => {
    const transports = ["websocket", "websocket-raw", "xhr_streaming"];
    for (let number = 0; number < 40; number += 1) {
      await openMember(t, `${server.url}/nation`, transports[number % 3], { query: number % 2 ? "group=odd" : "" });
    }
    const addresses = [];
    let after;
    do {
      const { list, next } = await push({ room: "/nation", list: { limit: 7, after } });
      assert.ok(list.length <= 7);
      for (const { address, transport, opened, groups = [] } of list) {
        assert.match(address, /^[0-9a-f-]{36}@\/nation\/\/shard\/[0-7]$/);
        assert.match(transport, /^(websocket|websocket-raw|xhr-streaming)$/);
        assert.ok(Math.abs(opened - Date.now()) < 600_000);
        assert.ok(groups.length === 0 || groups[0] === "odd");
        addresses.push(address);
      }
      after = next;
    } while (after !== undefined);
    assert.deepEqual([addresses.length, new Set(addresses).size], [40, 40]);
    const { list } = await push({ room: "/nation", group: "odd", list: {} });
    assert.equal(list.length, 20);
    assert.equal((await push({ connection: addresses[0], message: "hello" })).connections, 1);
    await until(async () => (await push({ room: "/nation", count: true })).connections === 40, "the count");
    await push({ room: "/nation", list: { after: "nonsense" } }, 404);
  });

  test("names that nobody can have are nobody's, and go to no object", async () => {
    const room = "/society/names";
    const name = "x".repeat(400_000);
    for (const order of [{ count: true }, { message: "hello" }, { close: { code: 3000, reason: "" } }]) {
      assert.equal((await push({ room, group: name, ...order })).connections, 0);
    }
    assert.deepEqual(await push({ room, group: name, list: {} }), { list: [] });
    await push({ room, list: { after: `0:${name}` } }, 404);
    await push({ connection: `${name}@${room}//room`, message: "hello" }, 404);
  });
});
