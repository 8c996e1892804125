// The object is put out of memory by a runtime that keeps its sockets. In Miniflare, which does at once what otherwise takes
// ten seconds of silence, and does it when the object has nothing to do and no timer runs.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { STREAMS, TRANSPORTS } from "../harness/protocol/transports.mjs";
import { startMiniflare } from "../harness/servers/miniflare.mjs";
import { Client, openClient } from "./rig/client.mjs";
import { waitingMessages } from "./rig/storage.mjs";
import { Told } from "../harness/messages/told.mjs";
import { LEVELS, QUIET } from "./rig/trouble.mjs";

const SLEEPS = 3;
const BURST = 10;

/** As `startTrouble`, with fewer ways to break an object and one to put it to sleep. */
async function startSleepy(owner, vars) {
  const told = new Told();
  const server = await startMiniflare(owner, { vars: { ...QUIET, ...vars }, log: (text) => told.add(text) });
  return { server, told, service: `${server.url}/trouble`, sleep: (object) => server.evict(object, "hibernate") };
}

describe("at both levels", { concurrency: true }, () => {
  // Each has a Miniflare, which does one thing after the other.
  for (const [level, vars] of Object.entries(LEVELS)) describe(level, { concurrency: false }, () => tests(level, vars));
});

async function tests(level, vars) {
  const trouble = await startSleepy({ after }, vars);
  const halting = await startSleepy({ after }, { ...vars, SOCKJS_RESPONSE_LIMIT: "1" });

  for (const segment of Object.keys(TRANSPORTS)) {
    test(`${level}, ${segment}: nothing is lost, doubled or told again when the object sleeps while nothing happens`, async (t) => {
      const client = await openClient(t, trouble, segment);
      await client.order({ keep: { text: "this" } });
      await client.readsMessage("kept");
      for (let number = 1; number <= SLEEPS; number++) {
        await client.attached();
        await trouble.sleep(client.object);
        assert.equal(await client.send(`echo ${number}`), 204);
        await client.readsMessage(`echo ${number}`);
      }
      await client.order({ recall: {} });
      await client.readsMessage("recalled this");
      await trouble.told.hears(client.id, "heard: recalled this");
      assert.deepEqual(client.messages, ["kept", "echo 1", "echo 2", "echo 3", "recalled this"]);
      assert.deepEqual([client.frames, client.cuts], [["o"], 0]);
      if (STREAMS.includes(segment)) assert.equal(client.responses, 1);
      assert.equal(trouble.told.starts.filter((sessions) => sessions.includes(client.id)).length, 1 + SLEEPS);
      assert.equal(trouble.told.count(client.id, "open"), 1);
    });

    test(`${level}, ${segment}: nothing is lost or doubled when the object sleeps as soon as it can while messages come`, async (t) => {
      const client = await openClient(t, trouble, segment);
      const sent = [];
      const send = async () => {
        sent.push(`echo ${sent.length}`);
        assert.equal(await client.send(sent.at(-1)), 204);
      };
      const sendMany = async () => {
        for (let number = 0; number < BURST; number++) await send();
      };
      for (let number = 1; number <= SLEEPS; number++) {
        await send(); // what is not in memory cannot be put out of it
        await Promise.all([sendMany(), trouble.sleep(client.object)]);
      }
      await client.readsMessage(sent.at(-1));
      assert.deepEqual(client.messages, sent);
      assert.deepEqual([client.frames, client.cuts], [["o"], 0]);
    });

    test(`${level}, ${segment}: what waits between two responses is there after the object slept`, async (t) => {
      const client = new Client(t, halting, segment);
      await client.readResponse();
      const sent = [];
      for (let number = 1; number <= SLEEPS; number++) {
        for (const _ of [1, 2]) {
          sent.push(`echo ${sent.length}`);
          assert.equal(await client.send(sent.at(-1)), 204);
        }
        await halting.sleep(client.object);
      }
      assert.deepEqual(waitingMessages(halting.server.objects)[client.id], sent);
      client.readOn();
      await client.when(() => client.messages.length >= sent.length, "all that waited");
      assert.equal(await client.send("the end"), 204);
      await client.readsMessage("the end");
      assert.deepEqual(client.messages, [...sent, "the end"]);
    });
  }
}
