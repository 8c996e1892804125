// The answer to a push is lost: it goes to the object again, which recognizes it by its number.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { Session } from "../harness/clients/session.mjs";
import { DescribedPush } from "../harness/protocol/push.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { openMember } from "../harness/clients/member.mjs";
import { storedSenders } from "./rig/storage.mjs";
import { LEVELS, startTrouble } from "./rig/trouble.mjs";

const TOKEN = "a secret of at least thirty-two characters";
const ROOM = "/trouble";
const OBJECT = "/trouble//room";
/** A room of eight objects, and one of them. */
const SHARDS = "/nation";
const AWAY = "/nation//shard/3";

for (const [level, vars] of Object.entries(LEVELS)) {
  describe(level, { concurrency: false }, async () => {
    const trouble = await startTrouble({ after }, { vars: { ...vars, SOCKJS_PLACEMENT: "room", SOCKJS_PUSH_TOKENS: TOKEN } });
    const pushes = new DescribedPush(() => trouble.server.url, TOKEN);
    const push = (message) => pushes.push({ room: ROOM, message }, 200, { ms: 60_000 });

    /** Returns the number of times that a message arrived whose push lost its answer. */
    async function comes(owner, lose) {
      const session = new Session(owner, trouble.service, "xhr_streaming");
      assert.equal(await session.next(), "o");
      await push("first");
      await lose();
      await push("once");
      await push("last");
      const heard = [];
      while (heard.at(-1) !== "last") heard.push(...JSON.parse((await session.nextMessages()).slice(1)));
      assert.deepEqual([heard.at(0), heard.at(-1)], ["first", "last"]);
      assert.ok(heard.slice(1, -1).every((message) => message === "once"));
      return heard.length - 2;
    }

    test(`${level}: a message whose answer is lost comes once`, async (t) => {
      assert.equal(await comes(t, () => trouble.mislay(OBJECT, "push", { restart: false })), 1);
    });

    test(`${level}: so it is when the object restarts before it is asked again`, async (t) => {
      const times = await comes(t, () => trouble.mislay(OBJECT, "push", { restart: true }));
      if (level === "outbox") assert.equal(times, 1);
      // What the object took and did not say is forgotten with it.
      else assert.ok(times >= 1 && times <= 2, `${times} times`);
    });

    test(`${level}: a close whose answer is lost says how many it closed`, async (t) => {
      const session = new Session(t, trouble.service, "xhr_streaming");
      assert.equal(await session.next(), "o");
      const { connections } = await pushes.push({ room: ROOM, count: true }, 200);
      assert.ok(connections > 0);
      await trouble.mislay(OBJECT, "push", { restart: false });
      const closed = await pushes.push({ room: ROOM, close: { code: 3000, reason: "over" } }, 200, { ms: 60_000 });
      assert.equal(closed.connections, connections);
      assert.equal(await session.next(), 'c[3000,"over"]');
    });

    test(`${level}: a message that the object never answers comes once`, async (t) => {
      assert.equal(await comes(t, () => trouble.withhold(OBJECT, "push", 1)), 1);
    });
  });
}

test("at outbox, a push leaves nothing in a room where nobody is", async (t) => {
  const trouble = await startTrouble(t, { vars: { ...LEVELS.outbox, SOCKJS_PLACEMENT: "room", SOCKJS_PUSH_TOKENS: TOKEN } });
  const pushes = new DescribedPush(() => trouble.server.url, TOKEN);
  assert.equal((await pushes.push({ room: ROOM, message: "to nobody" }, 200)).connections, 0);
  assert.deepEqual(storedSenders(trouble.server.objects), []);
  // A WebSocket of the object's own does not outlive it, so nothing could come twice.
  const socket = await openWebSocket(t, `${trouble.service}/websocket`);
  assert.equal((await pushes.push({ room: ROOM, message: "to a WebSocket" }, 200)).connections, 1);
  assert.deepEqual(storedSenders(trouble.server.objects), []);
  socket.close();
  await socket.closed;
  const session = new Session(t, trouble.service, "xhr_streaming");
  assert.equal(await session.next(), "o");
  assert.ok((await pushes.push({ room: ROOM, message: "to one" }, 200)).connections >= 1);
  assert.equal(storedSenders(trouble.server.objects).length, 1);
});

test("messages that wait behind one that an object does not take fail when their own time is over", async (t) => {
  const trouble = await startTrouble(t, { vars: { SOCKJS_PUSH_TOKENS: TOKEN } });
  const member = await openMember(t, `${trouble.server.url}${SHARDS}`, "websocket");
  assert.deepEqual(await member.order("count_all"), { done: 1 });
  const own = (await member.order("address")).split("@")[1];
  const away = own === AWAY ? `${SHARDS}//shard/4` : AWAY;
  // One handler at a time runs for a client, so each message comes from another one in the same object.
  const others = [];
  while (others.length < 3) {
    const other = await openMember(t, `${trouble.server.url}${SHARDS}`, "websocket");
    if ((await other.order("address")).split("@")[1] === own) others.push(other);
    else other.close();
  }
  await trouble.away(away, true);
  const began = performance.now();
  const answers = await Promise.all(others.map((other, index) => other.order({ all: { text: `text ${index}` } }, 90_000)));
  for (const { error } of answers) assert.match(error, new RegExp(`^${away}: `));
  // 30 s for all, and the last try: not 30 s for each.
  assert.ok(performance.now() - began < 80_000);
});

test("an object that does not answer holds up no other, however large the message may be", async (t) => {
  const vars = { SOCKJS_PUSH_TOKENS: TOKEN, SOCKJS_QUEUE_LIMIT: "16777216", SOCKJS_OBJECT_QUEUE_LIMIT: "67108864" };
  const trouble = await startTrouble(t, { vars });
  const pushes = new DescribedPush(() => trouble.server.url, TOKEN);
  const first = `${SHARDS}//shard/0`;
  const sessions = Array.from({ length: 16 }, () => new Session(t, `${trouble.server.url}${SHARDS}`, "xhr_streaming"));
  for (const session of sessions) assert.equal(await session.next(), "o");
  for (const message of ["small", "m".repeat(900_000)]) {
    await trouble.withhold(first, "push", 1);
    const began = performance.now();
    const pushed = pushes.push({ room: SHARDS, message }, 200, { ms: 60_000 });
    for (const session of sessions) assert.equal(await session.nextMessages(), `a${JSON.stringify([message])}`);
    // The object is asked again after 10 s: nobody waited for that.
    assert.ok(performance.now() - began < 9_000);
    assert.equal((await pushed).connections, sessions.length);
  }
});

test("an object that cannot be reached for long is named, and the others have the message", async (t) => {
  const trouble = await startTrouble(t, { vars: { SOCKJS_PUSH_TOKENS: TOKEN } });
  const pushes = new DescribedPush(() => trouble.server.url, TOKEN);
  const sessions = Array.from({ length: 16 }, () => new Session(t, `${trouble.server.url}${SHARDS}`, "xhr_streaming"));
  for (const session of sessions) assert.equal(await session.next(), "o");
  const { list } = await pushes.push({ room: SHARDS, list: {} }, 200);
  const here = list.filter(({ address }) => !address.endsWith(`@${AWAY}`)).length;
  await trouble.away(AWAY, true);
  const [{ error }, ...heard] = await Promise.all([
    pushes.push({ room: SHARDS, message: "to all" }, 503, { ms: 60_000 }),
    ...sessions.map((session) => session.nextMessages().then((frame) => frame === 'a["to all"]', () => false)),
  ]);
  assert.match(error, /^the object did not take it: \/nation\/\/shard\/3: the object could not be reached/);
  assert.equal(heard.filter(Boolean).length, here);
  await trouble.away(AWAY, false);
  assert.equal((await pushes.push({ room: SHARDS, message: "again" }, 200)).connections, sessions.length);
});
