// A client's own WebSocket ends when its object is restarted, since the runtime forgets it, and goes on when it sleeps.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { startMiniflare } from "../harness/servers/miniflare.mjs";
import { within } from "../harness/waiting/wait.mjs";
import { openClient } from "./rig/client.mjs";
import { Told } from "../harness/messages/told.mjs";
import { LEVELS, QUIET, startTrouble } from "./rig/trouble.mjs";
import { KINDS } from "../harness/clients/websocket-client.mjs";

const SLEEPS = 3;
const BURST = 10;
/** One object for all, so that a raw WebSocket's has a name and sessions that go on are beside it. */
const ROOM = { SOCKJS_PLACEMENT: "room" };
const OBJECT = "/trouble//room";
const RESTARTS = {
  "its object is restarted": (trouble) => trouble.restart(OBJECT),
  "everything is killed": (trouble) => trouble.crash(),
};

for (const [level, vars] of Object.entries(LEVELS)) {
  describe(level, { concurrency: true }, () => {
    for (const [name, { open, frames }] of Object.entries(KINDS)) {
      for (const [how, restart] of Object.entries(RESTARTS)) {
        test(`${level}, ${name}: its connection ends when ${how}, and the new handler finds who is left`, async (t) => {
          const trouble = await startTrouble(t, { vars: { ...ROOM, ...vars } });
          const stays = await openClient(t, trouble, "xhr_streaming");
          const client = await open(t, trouble);
          client.send("before");
          await client.readsMessage("before");
          await restart(trouble);
          const { code } = await within(client.closed, "the end of the connection");
          assert.equal(code, 1006, "nobody is left to close it");
          assert.deepEqual([client.messages, client.frames], [["before"], frames]);

          assert.equal(await stays.send("after"), 204);
          await stays.readsMessage("after");
          await trouble.told.hears(stays.id, "heard: after");
          assert.deepEqual(trouble.told.starts.at(-1), [stays.id]);
          const next = await open(t, trouble);
          next.send("again");
          await next.readsMessage("again");
          await trouble.told.hears(next.id, "heard: again");
          assert.deepEqual(next.messages, ["again"]);
          assert.equal(trouble.told.starts.length, 2);
          assert.deepEqual(trouble.told.of(client.id).filter((told) => told.startsWith("close")), []);
        });
      }
    }
  });

  describe(`${level}, asleep`, async () => {
    for (const [name, { open, frames }] of Object.entries(KINDS)) {
      test(`${level}, ${name}: a connection goes on as if nothing had happened when its object sleeps`, async (t) => {
        const told = new Told();
        const server = await startMiniflare(t, { vars: { ...QUIET, ...ROOM, ...vars }, log: (text) => told.add(text) });
        const client = await open(t, { service: `${server.url}/trouble` });
        client.order({ keep: { text: "this" } });
        await client.readsMessage("kept");
        const sent = [];
        for (let number = 1; number <= SLEEPS; number++) {
          await server.evict(OBJECT, "hibernate");
          for (const _ of Array(BURST)) {
            sent.push(`echo ${sent.length}`);
            client.send(sent.at(-1));
          }
          await client.readsMessage(sent.at(-1));
        }
        client.order({ recall: {} });
        await client.readsMessage("recalled this");
        await told.hears(client.id, "heard: recalled this");
        assert.deepEqual(client.messages, ["kept", ...sent, "recalled this"]);
        assert.deepEqual(client.frames, frames);
        assert.equal(told.starts.length, 1 + SLEEPS);

        await server.evict(OBJECT, "hibernate");
        client.close(3000, "done");
        assert.deepEqual(await within(client.closed, "the end of the connection"), { code: 3000, reason: "done" });
        await told.hears(client.id, "closed");
        const lives = told.of(client.id).filter((event) => /^(open|close)/.test(event));
        assert.deepEqual(lives, ["open", 'close: Client { code: 3000, reason: "done" }', "closed"]);
      });
    }
  });
}
