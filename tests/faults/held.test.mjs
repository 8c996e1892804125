// WebSockets that the Worker holds: the client's connection goes on while its object is restarted.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fateOf } from "./rig/fate.mjs";
import { randomNumbers } from "./rig/random.mjs";
import { LEVELS, startTrouble } from "./rig/trouble.mjs";
import { KINDS } from "./rig/websocket.mjs";

const HELD = { SOCKJS_WEBSOCKET_HOLDER: "worker", SOCKJS_PLACEMENT: "room" };
const OBJECT = "/trouble//room";
const MESSAGES = 1_000;
const RESTARTS = 25;
/** Messages that are sent in one piece, most of them. */
const PIECE = 8;

for (const [level, vars] of Object.entries(LEVELS)) {
  describe(level, { concurrency: true }, () => {
    for (const [name, { open, frames }] of Object.entries(KINDS)) {
      test(`${level}, ${name}: ${MESSAGES} messages come back through ${RESTARTS} restarts of the object`, async (t) => {
        const random = randomNumbers(t);
        const trouble = await startTrouble(t, { vars: { ...HELD, ...vars } });
        const client = await open(t, trouble);
        client.order({ keep: { text: "this" } });
        await client.readsMessage("kept");

        const sent = [];
        const echoed = () => client.messages.filter((message) => message.startsWith("echo "));
        const speak = () => {
          const piece = Array.from({ length: 1 + Math.floor(random() * PIECE) }, (_, at) => `echo ${sent.length + at}`);
          sent.push(...piece);
          for (const message of piece) client.send(message);
        };
        let restarts = 0;
        let loaded = 0;
        while (restarts < RESTARTS || loaded < RESTARTS / 2) {
          const until = Math.min(MESSAGES, ((restarts + 1) * MESSAGES) / RESTARTS);
          do {
            speak();
            await sleep(random() * 4);
          } while (sent.length < until);
          speak();
          const isLoaded = new Set(echoed()).size < sent.length;
          await trouble.restart(OBJECT);
          restarts += 1;
          if (isLoaded) loaded += 1;
          assert.ok(restarts < 4 * RESTARTS, "restarts find messages on their way");
        }
        client.send("the end");
        await client.readsMessage("the end");
        client.order({ recall: {} });
        await client.readsMessage("recalled this");

        const { lost, doubled, misplaced } = fateOf(sent, echoed());
        const heard = (message) => trouble.told.count(client.id, `heard: ${message}`);
        await trouble.told.hears(client.id, "heard: recalled this");
        const unheard = sent.filter((message) => heard(message) === 0);
        const twice = sent.filter((message) => heard(message) > 1);
        t.diagnostic(
          `${sent.length} sent, ${lost.length} lost, ${doubled.length} doubled, ${twice.length} handled twice, ` +
            `${loaded} of ${restarts} restarts with messages on their way`,
        );
        assert.deepEqual(misplaced, []);
        assert.deepEqual(unheard, [], "handled at least once");
        assert.deepEqual(doubled.filter((message) => !twice.includes(message)), [], "only what was handled twice is doubled");
        if (level === "outbox") assert.deepEqual(lost, []);
        assert.deepEqual(client.frames, frames);
        const lives = trouble.told.of(client.id).filter((told) => /^(open|return|close)/.test(told));
        assert.equal(lives[0], "open");
        assert.deepEqual(new Set(lives.slice(1)), new Set(["return"]));

        client.close(3000, "done");
        assert.deepEqual(await client.closed, { code: 3000, reason: "done" });
        await trouble.told.hears(client.id, "closed");
        assert.equal(trouble.told.count(client.id, 'close: Client { code: 3000, reason: "done" }'), 1);
      });
    }
  });
}
