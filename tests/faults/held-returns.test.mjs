// WebSockets that the Worker holds come back: when their object is restarted again and again, and when it lives and their inner
// WebSockets are cut.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../harness/waiting/wait.mjs";
import { fateOf } from "../harness/messages/fate.mjs";
import { HELD, OBJECT, echoes, livesOf, returnedCount } from "./rig/held.mjs";
import { APART, TOGETHER } from "./rig/layout.mjs";
import { describeLevels, startTrouble } from "./rig/trouble.mjs";
import { KINDS } from "../harness/clients/websocket-client.mjs";

const HASTY = { SOCKJS_REATTACH_TIMEOUT: "1000" };
const RESTARTS = 4;
const CUTS = 5;
const SLOW_MS = 500;

describeLevels((level, vars) => {
  for (const [name, { open }] of Object.entries(KINDS)) {
    for (const [where, layout] of Object.entries({ "the one isolate": TOGETHER, "an isolate of its own": APART })) {
      test(`${level}, ${name}: two restarts of an object in ${where} within one attach: nothing is doubled that was handled once`, async (t) => {
        const trouble = await startTrouble(t, { vars: { ...HELD, ...HASTY, ...vars }, layout });
        const client = await open(t, trouble);
        client.order({ keep: { text: "this" } });
        await client.readsMessage("kept");
        const sent = [];
        const speak = (count) => {
          for (let spoken = 0; spoken < count; spoken += 1) {
            sent.push(`echo ${sent.length}`);
            client.send(sent.at(-1));
          }
        };
        for (let restart = 0; restart < RESTARTS; restart += 1) {
          speak(5);
          if (layout === TOGETHER) await trouble.mislay(OBJECT, "hold", { restart: true });
          await trouble.restart(OBJECT);
          speak(5);
          if (layout === APART) await trouble.restart(OBJECT);
          await until(() => livesOf(trouble, client).length > 1 + restart, "the return");
        }
        await echoes(client);
        client.order({ recall: {} });
        await client.readsMessage("recalled this");
        await trouble.told.hears(client.id, "heard: recalled this");
        await until(() => returnedCount(trouble) > 0, "the application to be told that all are back");

        const { lost, doubled, misplaced } = fateOf(sent, client.messages.filter((message) => /^echo \d+$/.test(message)));
        const heard = (message) => trouble.told.count(client.id, `heard: ${message}`);
        assert.deepEqual(sent.filter((message) => heard(message) === 0), [], "handled at least once");
        assert.deepEqual(doubled.filter((message) => heard(message) === 1), []);
        assert.deepEqual(misplaced, []);
        if (level === "outbox") assert.deepEqual(lost, []);
        assert.equal(livesOf(trouble, client)[0], "open");
        assert.deepEqual(new Set(livesOf(trouble, client).slice(1)), new Set(["return"]));
        assert.equal(returnedCount(trouble), 1, "the last restart alone had the time");
      });
    }

    test(`${level}, ${name}: inner sockets are cut while handlers of ${SLOW_MS} ms run: nothing is lost or doubled`, async (t) => {
      const trouble = await startTrouble(t, { vars: { ...HELD, ...vars } });
      await trouble.relay(OBJECT);
      const client = await open(t, trouble);
      const sent = [];
      for (let cut = 0; cut < CUTS; cut += 1) {
        const slow = `echo ${sent.length}`;
        sent.push(slow);
        client.order({ sleep: { ms: SLOW_MS, then: slow } });
        for (let spoken = 0; spoken < 5; spoken += 1) {
          sent.push(`echo ${sent.length}`);
          client.send(sent.at(-1));
        }
        await trouble.told.hears(client.id, `sleeps: ${slow}`);
        await trouble.cut(OBJECT);
        if (cut % 2 === 0) await sleep(50);
      }
      await client.readsMessage(sent.at(-1));
      await echoes(client);
      assert.deepEqual(client.messages.filter((message) => /^echo \d+$/.test(message)), sent);
      for (const message of sent) assert.equal(trouble.told.count(client.id, `heard: ${message}`), 1, message);
      assert.deepEqual(livesOf(trouble, client), ["open"], "it was never away");
    });

    test(`${level}, ${name}: the state that on_open set, and the one that was set while the inner socket was cut, outlive restarts`, async (t) => {
      const trouble = await startTrouble(t, { vars: { ...HELD, ...vars } });
      await trouble.relay(OBJECT);
      const client = await open(t, trouble, { query: "keep=early" });
      await echoes(client);
      await trouble.restart(OBJECT);
      client.order({ recall: {} });
      await client.readsMessage("recalled early");

      client.order({ sleep: { ms: SLOW_MS, then: "slept" } });
      client.order({ keep: { text: "late" } });
      await trouble.told.hears(client.id, "sleeps: slept");
      await client.arrives(); // else the second order may come when the object is away
      await trouble.away(OBJECT, true);
      await trouble.cut(OBJECT);
      await trouble.told.hears(client.id, "heard: kept");
      await trouble.away(OBJECT, false);
      await client.readsMessage("kept");
      await trouble.restart(OBJECT);
      client.order({ recall: {} });
      await client.readsMessage("recalled late");
    });
  }
});

describe("claims", () => {
  test("facts of the request outlive restarts", async (t) => {
    const trouble = await startTrouble(t, { vars: HELD });
    const client = await KINDS["raw websocket"].open(t, trouble);
    await echoes(client);
    await trouble.restart(OBJECT);
    await echoes(client);
    // What is logged is known by the query alone.
    assert.deepEqual(livesOf(trouble, client), ["open", "return"]);
  });
});
