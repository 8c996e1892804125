// Nothing runs when the alarm is due: killed, and started again after all deadlines.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { TRANSPORTS } from "../harness/protocol/transports.mjs";
import { storageEmpties } from "../harness/servers/storage.mjs";
import { Client, openClient } from "./rig/client.mjs";
import { storedMessages, storedSessions } from "./rig/storage.mjs";
import { describeLevels, startTrouble } from "./rig/trouble.mjs";

/** Longer than what comes before the kill takes on a busy machine. */
const DELAY_MS = 12_000;
const HASTY = { SOCKJS_DISCONNECT_DELAY: String(DELAY_MS), SOCKJS_HEARTBEAT_DELAY: String(DELAY_MS) };
const HALTING = { SOCKJS_RESPONSE_LIMIT: "1" };

/** Sessions that are abandoned, by the way in which they are when all is killed. */
const ABANDONED = {
  "in the middle of a response": { vars: {}, open: openClient },
  "between two responses": { vars: HALTING, open: openIdle },
  "with messages waiting": { vars: HALTING, open: openWaiting },
};

async function openIdle(owner, trouble, segment) {
  const client = new Client(owner, trouble, segment);
  await client.readResponse();
  return client;
}

async function openWaiting(owner, trouble, segment) {
  const client = await openIdle(owner, trouble, segment);
  assert.equal(await client.send("a", "b"), 204);
  await storedMessages(trouble, [client], 2);
  return client;
}

describeLevels((level, vars) => {
  for (const [how, { vars: more, open }] of Object.entries(ABANDONED)) {
    test(`${level}: sessions that were abandoned ${how} end once when the alarm comes late, and no rows remain`, async (t) => {
      const trouble = await startTrouble(t, { vars: { ...HASTY, ...vars, ...more } });
      const clients = await Promise.all(Object.keys(TRANSPORTS).map((segment) => open(t, trouble, segment)));
      await trouble.server.kill();
      clients.forEach((client) => client.leave());
      const stored = storedSessions(trouble.server.objects);
      assert.deepEqual(stored.sort(), clients.map(({ id }) => id).sort());
      await sleep(DELAY_MS);

      await trouble.server.start();
      for (const { id } of clients) await trouble.told.hears(id, "closed", 30_000);
      await storageEmpties(trouble.server.objects);
      for (const { id } of clients) {
        const lives = trouble.told.of(id).filter((told) => !told.startsWith("heard"));
        assert.deepEqual(lives, ["open", "close: TimedOut", "closed"]);
      }
    });
  }
});
