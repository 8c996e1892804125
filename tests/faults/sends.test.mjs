// The object is restarted while a client sends.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { TRANSPORTS } from "../harness/protocol/transports.mjs";
import { openClient } from "./rig/client.mjs";
import { fateOf } from "../harness/messages/fate.mjs";
import { LEVELS, startTrouble } from "./rig/trouble.mjs";

const RACES = 25;

for (const [level, vars] of Object.entries(LEVELS)) {
  describe(level, { concurrency: true }, async () => {
    const trouble = await startTrouble({ after }, { vars });
    const heard = (client, message) => trouble.told.count(client.id, `heard: ${message}`);

    for (const segment of Object.keys(TRANSPORTS)) {
      const name = `${level}, ${segment}`;

      if (level === "outbox") test(`${name}: a send whose handler did not return fails, and can be sent again`, async (t) => {
        const client = await openClient(t, trouble, segment);
        const sent = client.send('{"sleep":{"ms":60000,"then":"echo"}}');
        await trouble.told.hears(client.id, "sleeps: echo");
        await trouble.restart(client.object);
        assert.equal(await sent, 503);
        assert.equal(await client.send("echo"), 204);
        await client.readsMessage("echo");
        await trouble.told.hears(client.id, "heard: echo");
        assert.equal(heard(client, "echo"), 1);
        assert.deepEqual(client.messages, ["echo"]);
      });

      test(`${name}: of sends that race a restart each comes once, or its client knows`, async (t) => {
        const client = await openClient(t, trouble, segment);
        const taken = [];
        const failed = [];
        for (let number = 1; number <= RACES; number++) {
          const message = `echo ${number}`;
          // Before, in and after the send, whose length nobody knows.
          const restart = sleep(number).then(() => trouble.restart(client.object));
          const [status] = await Promise.all([client.send(message), restart]);
          assert.ok([204, 503].includes(status), `${status}`);
          (status === 204 ? taken : failed).push(message);
        }
        assert.equal(await client.send("the end"), 204);
        await client.readsMessage("the end");
        await trouble.told.hears(client.id, "heard: the end");

        const { lost, doubled, misplaced } = fateOf(taken, client.messages.slice(0, -1));
        const came = failed.filter((message) => client.messages.includes(message)).length;
        t.diagnostic(`lost: ${lost.length} of ${taken.length} taken; ${failed.length} failed, of which ${came} came`);
        assert.deepEqual({ doubled, misplaced }, { doubled: [], misplaced: [] });
        if (level === "outbox") assert.deepEqual(lost, []);
        for (const message of taken) assert.equal(heard(client, message), 1);
      });

      if (level === "default") test(`${name}: a send that is answered before it is handled can be lost with what waits behind it`, async (t) => {
        const client = await openClient(t, trouble, segment);
        const waiting = ["a", "b", "c"];
        assert.equal(await client.send("before"), 204);
        assert.equal(await client.send('{"sleep":{"ms":60000,"then":"late"}}', ...waiting), 204);
        await trouble.restart(client.object);
        assert.equal(await client.send("after"), 204);
        await client.readsMessage("after");
        await trouble.told.hears(client.id, "heard: after");
        const lost = ["late", ...waiting].filter((message) => heard(client, message) === 0);
        t.diagnostic(`lost: ${lost.length} of ${waiting.length + 1} that were answered before they were handled`);
        assert.deepEqual(client.messages.filter((message) => message !== "before"), ["after"]);
      });

      test(`${name}: a send that the Worker repeats comes once, and twice after a restart in between`, async (t) => {
        const client = await openClient(t, trouble, segment);
        for (const [message, restart] of [["once", false], ["twice", true]]) {
          await trouble.mislay(client.object, "send", { restart });
          assert.equal(await client.send(message), 204);
        }
        assert.equal(await client.send("the end"), 204);
        await client.readsMessage("the end");
        await trouble.told.hears(client.id, "heard: the end");
        const counts = ["once", "twice"].map((message) => heard(client, message));
        assert.deepEqual(counts, [1, 2]);
        const read = client.messages.filter((message) => message === "twice").length;
        t.diagnostic(`doubled: 1 of 2 repeated sends, read ${read} times`);
        if (level === "outbox") assert.deepEqual(client.messages, ["once", "twice", "twice", "the end"]);
      });
    }
  });
}
