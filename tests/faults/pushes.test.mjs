// The answer to a push is lost: it goes to the object again, which recognizes it by its number.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { Session } from "../harness/clients/session.mjs";
import { DescribedPush } from "../harness/protocol/push.mjs";
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

    /** How often the message came that was pushed while the answer was lost. */
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

    test(`${level}: a message that the object never answers comes once`, async (t) => {
      assert.equal(await comes(t, () => trouble.withhold(OBJECT, "push", 1)), 1);
    });
  });
}

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
