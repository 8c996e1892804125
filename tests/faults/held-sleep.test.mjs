// WebSockets that the Worker holds go on while their object sleeps. With SOCKJS_FULL (npm run held) also one whose client reads
// nothing while its object sleeps in plain workerd.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startMiniflare } from "../harness/servers/miniflare.mjs";
import { HELD, OBJECT, echoes, endOf, livesOf } from "./rig/held.mjs";
import { storedSessions, waitingMessages } from "./rig/storage.mjs";
import { Told } from "../harness/messages/told.mjs";
import { QUIET, describeLevels, startTrouble } from "./rig/trouble.mjs";
import { KINDS } from "../harness/clients/websocket-client.mjs";

const SLEEPS = 3;
const BURST = 10;
/** For so long a client reads nothing: the object sleeps after ten seconds. */
const UNREAD_MS = 25_000;
/** More than the buffers of the kernel take, so that megabytes wait in the object and its rows. */
const SPEECH = { round: 1, count: 1_500, every_ms: 0, size: 20_000 };
const ROOMY = { SOCKJS_QUEUE_LIMIT: String(32 << 20) };
const WAITING_MIN = 500_000;
const LONG_MS = 60_000;

describeLevels((level, vars) => {
  for (const [name, { open, frames }] of Object.entries(KINDS)) {
    test(`${level}, ${name}: a held connection goes on as if nothing had happened when its object sleeps`, async (t) => {
      const told = new Told();
      const server = await startMiniflare(t, { vars: { ...QUIET, ...HELD, ...vars }, log: (text) => told.add(text) });
      const client = await open(t, { service: `${server.url}/trouble` }, { query: "keep=this" });
      await echoes(client);
      const sent = [];
      for (let number = 1; number <= SLEEPS; number += 1) {
        await server.evict(OBJECT, "hibernate");
        // Several at once, right after the wake, in both directions.
        for (let spoken = 0; spoken < BURST; spoken += 1) {
          sent.push(`echo ${sent.length}`);
          client.send(sent.at(-1));
        }
        await client.readsMessage(sent.at(-1));
      }
      client.order({ recall: {} });
      await client.readsMessage("recalled this");
      assert.deepEqual(client.messages.filter((message) => /^echo \d+$/.test(message)), sent);
      assert.deepEqual(client.frames, frames);
      await told.hears(client.id, "heard: recalled this");
      for (const message of sent) assert.equal(told.count(client.id, `heard: ${message}`), 1, message);
      assert.equal(told.starts.length, 1 + SLEEPS);

      await server.evict(OBJECT, "hibernate");
      client.close(3000, "done");
      assert.deepEqual(await endOf(client), { code: 3000, reason: "done" });
      await told.hears(client.id, "closed");
      assert.deepEqual(livesOf({ told }, client), ["open", 'close: Client { code: 3000, reason: "done" }', "closed"]);
    });

    test(`${level}, ${name}: a sleep and a restart one after the other`, async (t) => {
      const told = new Told();
      const server = await startMiniflare(t, { vars: { ...QUIET, ...HELD, ...vars }, log: (text) => told.add(text) });
      const client = await open(t, { service: `${server.url}/trouble` }, { query: "keep=this" });
      const sent = [];
      for (const how of ["hibernate", "close", "hibernate", "close"]) {
        await server.evict(OBJECT, how);
        sent.push(await echoes(client));
      }
      client.order({ recall: {} });
      await client.readsMessage("recalled this");
      assert.deepEqual(client.messages, [...sent, "recalled this"]);
      await told.hears(client.id, "heard: recalled this");
      assert.deepEqual(livesOf({ told }, client), ["open", "return", "return"]);
    });

    if (process.env.SOCKJS_FULL) {
      test(`${level}, ${name}: nothing is missing when a client reads nothing for ${UNREAD_MS / 1_000} s, its object idle`, async (t) => {
        const trouble = await startTrouble(t, { vars: { ...HELD, ...ROOMY, ...vars } });
        const client = await open(t, trouble, { perMessageDeflate: false });
        await echoes(client);
        client.pause();
        client.order({ speak: SPEECH });
        await trouble.told.hears(client.id, `said 1.${SPEECH.count - 1}`, LONG_MS);
        await sleep(UNREAD_MS);
        const waiting = Object.values(waitingMessages(trouble.server.objects)).flat().length;
        t.diagnostic(`${waiting} messages wait in rows`);
        assert.ok(waiting * SPEECH.size > WAITING_MIN);
        client.resume();
        await client.when(() => client.messages.length === 1 + SPEECH.count, "all messages", LONG_MS);
        assert.deepEqual(
          client.messages.slice(1).map((message) => message.replace(/-*$/, "")),
          Array.from({ length: SPEECH.count }, (_, number) => `said 1.${number}`),
        );
        assert.ok(trouble.told.starts.length > 1, "the object slept");
        client.close(1000, "");
        await trouble.told.hears(client.id, "closed");
        assert.deepEqual(storedSessions(trouble.server.objects), []);
      });
    }
  }
});
