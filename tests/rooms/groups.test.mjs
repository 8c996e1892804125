// Groups of a room: who is in one gets what is said to it, whatever happens to the object meanwhile.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { startMiniflare } from "../harness/servers/miniflare.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { readObjects } from "../harness/servers/storage.mjs";
import { until, within } from "../harness/waiting/wait.mjs";
import { MEMBERS, openMember } from "../harness/clients/member.mjs";

const HOLDERS = { object: {}, worker: { SOCKJS_WEBSOCKET_HOLDER: "worker" } };
const QUIET = { SOCKJS_HEARTBEAT_DELAY: "34000" };
const WEBSOCKETS = ["websocket", "websocket-raw"];

/** The number of the next room: tests share a server. */
let rooms = 0;

const nextRoom = (server) => `${server.url}/society/room${(rooms += 1)}`;

/** Everything that was said to a member, after `last`, which is said to all. */
async function heard(member, last) {
  const said = [];
  do said.push(await member.said.next());
  while (said.at(-1) !== last);
  return said.slice(0, -1);
}

for (const [holder, vars] of Object.entries(HOLDERS)) {
  describe(`WebSockets held by the ${holder}`, { concurrency: true }, async () => {
    const server = await startServer({ after }, { vars: { ...QUIET, ...vars } });

    test("what is said to a group reaches its members, over every transport, and nobody else", async (t) => {
      const room = nextRoom(server);
      const all = {};
      for (const transport of Object.keys(MEMBERS)) {
        for (const group of ["red", "blue"]) {
          all[`${transport} ${group}`] = await openMember(t, room, transport);
          assert.deepEqual(await all[`${transport} ${group}`].order({ join: group }), { done: null });
        }
      }
      const speaker = await openMember(t, room, "websocket");
      const each = Object.keys(MEMBERS).length;
      assert.equal(await speaker.order({ say: { group: "red", text: "to red" } }), each);
      assert.equal(await speaker.order({ say: { group: "blue", text: "to blue" } }), each);
      assert.equal(await speaker.order({ say: { group: "nobody", text: "to nobody" } }), 0);
      assert.equal(await speaker.order({ say: { group: null, text: "last" } }), 2 * each + 1);
      for (const [name, member] of Object.entries(all)) {
        assert.deepEqual(await heard(member, "last"), [name.endsWith("red") ? "to red" : "to blue"], name);
      }
      assert.deepEqual(await heard(speaker, "last"), []);
    });

    test("a member that speaks to others does not hear itself, though it shares its session id", async (t) => {
      const room = nextRoom(server);
      const [one, two] = [await openMember(t, room, "websocket"), await openMember(t, room, "xhr_streaming")];
      for (const member of [one, two]) await member.order({ join: "g" });
      assert.equal(await one.order({ say: { group: "g", text: "to the other", others: true } }), 1);
      assert.equal(await two.order({ say: { group: null, text: "to one", others: true } }), 1);
      assert.equal(await one.order({ say: { group: null, text: "last" } }), 2);
      assert.deepEqual([await heard(one, "last"), await heard(two, "last")], [["to one"], ["to the other"]]);
    });

    test("one that left is not in the group, nor is one that ended; on_open may join", async (t) => {
      const room = nextRoom(server);
      const [stays, leaves, ends] = await Promise.all(
        WEBSOCKETS.concat("xhr_streaming").reverse().map((transport) => openMember(t, room, transport, { query: "group=g" })),
      );
      assert.equal((await stays.order({ members: "g" })).length, 3);
      assert.deepEqual(await leaves.order("me"), { groups: ["g"], state: null });
      await leaves.order({ join: "h" });
      assert.deepEqual(await leaves.order({ leave: "g" }), { done: null });
      assert.deepEqual(await leaves.order({ leave: "g" }), { done: null }, "again");
      assert.deepEqual(await leaves.order("me"), { groups: ["h"], state: null });
      ends.close();
      await until(async () => (await stays.order({ members: "g" })).length === 1, "the end to be noticed");
      assert.equal((await stays.order({ members: null })).length, 2);
      assert.equal(await stays.order({ say: { group: "g", text: "hello" } }), 1);
    });

    test("names and their number have limits, state and groups share theirs", async (t) => {
      const member = await openMember(t, nextRoom(server), "websocket");
      const name = { error: "the name of a group has 1 to 128 bytes" };
      for (const bad of ["", "x".repeat(129), "é".repeat(65)]) assert.deepEqual(await member.order({ join: bad }), name);
      const many = { error: "a connection has at most 64 groups; state and groups take at most 4096 bytes of JSON together" };
      const group = (number) => String(number).padStart(128, "g");
      const fits = Math.floor((4096 - 1) / 131);
      for (let number = 0; number < fits; number += 1) assert.deepEqual(await member.order({ join: group(number) }), { done: null });
      assert.deepEqual(await member.order({ join: group(fits) }), many);
      assert.deepEqual(await member.order({ state: "s".repeat(200) }), many);
      for (let number = 1; number < fits; number += 1) await member.order({ leave: group(number) });
      assert.deepEqual(await member.order({ state: "s".repeat(3_900) }), { done: null });
      assert.deepEqual((await member.order("me")).groups, [group(0)]);
      assert.deepEqual(await member.order({ state: "" }), { done: null });
      for (let number = 1; number < 64; number += 1) assert.deepEqual(await member.order({ join: `${number}` }), { done: null });
      assert.deepEqual(await member.order({ join: "one more" }), many);
      assert.deepEqual(await member.order({ join: "63" }), { done: null });
    });

    test("members of an object that restarts are in their groups again, but for WebSockets of its own", async (t) => {
      const room = nextRoom(server);
      const members = {};
      for (const transport of Object.keys(MEMBERS)) {
        const member = (members[transport] = await openMember(t, room, transport));
        await member.order({ join: "first" });
        await member.order({ join: transport });
        await member.order({ leave: "first" });
        await member.order({ join: "g" });
        await member.order({ state: transport });
      }
      const before = await members.xhr.order("instance");
      await members.xhr_streaming.tell("restart");
      await until(async () => (await members.xhr.order("instance")) !== before, "the restart");
      const stay = Object.keys(MEMBERS).filter((transport) => holder === "worker" || !WEBSOCKETS.includes(transport));
      await until(async () => (await members.xhr.order({ members: "g" })).length === stay.length, "everybody to be back");
      for (const transport of stay) {
        const { [transport]: member } = members;
        assert.deepEqual(await member.order("me"), { groups: [transport, "g"], state: transport }, transport);
        assert.equal(await members.xhr.order({ say: { group: transport, text: "hello" } }), 1);
        assert.equal(await member.said.next(), "hello");
      }
      if (holder === "object") await within(members.websocket.closed, "the end of the WebSocket");
    });
  });

  describe(`WebSockets held by the ${holder}, hibernation`, { concurrency: true }, () => {
    for (const transport of Object.keys(MEMBERS)) {
      test(`${transport}: groups outlive the sleep of the object`, async (t) => {
        const server = await startMiniflare(t, { vars: { ...QUIET, ...vars } });
        const room = `${server.url}/society/sleepy`;
        const member = await openMember(t, room, transport);
        for (const order of [{ join: "a" }, { join: "g" }, { leave: "a" }, { join: "ü\"" }, { state: "kept" }]) {
          assert.deepEqual(await member.order(order), { done: null });
        }
        for (let sleeps = 1; sleeps <= 2; sleeps += 1) {
          await server.evict("/society/sleepy//room", "hibernate");
          assert.deepEqual(await member.order("me"), { groups: ["g", "ü\""], state: "kept" });
          assert.equal(await member.order({ say: { group: "ü\"", text: "hello" } }), 1);
          assert.equal(await member.said.next(), "hello");
        }
        if (WEBSOCKETS.includes(transport)) {
          const rows = Object.values(readObjects(server.objects)).map((object) => object.rows);
          assert.deepEqual(rows, rows.map(() => 0), "a WebSocket's groups are not stored");
        }
      });
    }
  });
}
