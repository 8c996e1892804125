// Storage fails: statements of the object throw.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { TRANSPORTS } from "../harness/protocol/transports.mjs";
import { until } from "../harness/waiting/wait.mjs";
import { Client, openClient } from "./rig/client.mjs";
import { storedMessages, storedSessions } from "./rig/storage.mjs";
import { LEVELS, startTrouble } from "./rig/trouble.mjs";

const HALTING = { SOCKJS_RESPONSE_LIMIT: "1" };
/** Sessions end soon, and so do their rows. */
const HASTY = { ...HALTING, SOCKJS_DISCONNECT_DELAY: "2000", SOCKJS_HEARTBEAT_DELAY: "2000" };

const TABLES = "^CREATE TABLE|CREATE TABLE IF NOT EXISTS";
const OPEN = "^INSERT OR REPLACE INTO sockjs_sessions";
const APPEND = "^INSERT INTO sockjs_messages";
const LOAD = "^SELECT [^;]+ FROM sockjs_sessions";
const STATE = "^UPDATE sockjs_sessions_2 SET state";
const FORGET = "^DELETE FROM sockjs_sessions";

/** Waits until a statement was refused that was not before. */
async function refuses(trouble, object) {
  const before = await trouble.refused(object);
  await until(async () => (await trouble.refused(object)) > before, "storage to refuse");
}

/** Waits until nothing is left of the session on disk. */
function rowsGo({ server }, { id }) {
  return until(() => !storedSessions(server.objects).includes(id), `the rows of ${id} to go`);
}

for (const [level, vars] of Object.entries(LEVELS)) {
  describe(level, { concurrency: true }, async () => {
    const trouble = await startTrouble({ after }, { vars });
    const halting = await startTrouble({ after }, { vars: { ...HALTING, ...vars } });
    const hasty = await startTrouble({ after }, { vars: { ...HASTY, ...vars } });

    for (const segment of Object.keys(TRANSPORTS)) {
      for (const [what, pattern] of Object.entries({ "its row": OPEN, "its tables": TABLES })) {
        test(`${level}, ${segment}: a session that cannot be stored, for ${what}, is not opened, and a retry works`, async (t) => {
          const client = new Client(t, trouble, segment);
          await trouble.refuse(client.object, pattern);
          await client.readResponse();
          assert.deepEqual(client.frames.filter((frame) => frame !== "h"), []);
          assert.equal(await client.send("too early"), 404);
          await trouble.refuse(client.object);
          client.readOn();
          await client.readsFrame("o");
          assert.equal(await client.send("a"), 204);
          await client.readsMessage("a");
          await trouble.told.hears(client.id, "heard: a");
          assert.deepEqual(trouble.told.of(client.id), ["open", "heard: a"]);
        });
      }

      test(`${level}, ${segment}: what the application keeps with a connection is kept, or it is told that it is not`, async (t) => {
        const client = await openClient(t, trouble, segment);
        await client.order({ keep: { text: "first" } });
        await trouble.refuse(client.object, STATE);
        await client.order({ keep: { text: "second" } });
        await trouble.refuse(client.object);
        await client.order({ recall: {} });
        await client.readsMessage("recalled first");
        const [kept, notKept] = client.messages;
        assert.equal(kept, "kept");
        assert.match(notKept, /^not kept: .*storage refuses/);
      });

      test(`${level}, ${segment}: a session that cannot be read after a restart is there when it can`, async (t) => {
        const client = new Client(t, halting, segment);
        await client.readResponse();
        assert.equal(await client.send("a"), 204);
        await storedMessages(halting, [client], 1);
        await halting.restart(client.object);
        await halting.refuse(client.object, LOAD);
        await client.readResponse();
        assert.deepEqual(client.messages, []);
        assert.equal(await client.send("b"), 503);
        await halting.refuse(client.object);
        client.readOn();
        assert.equal(await client.send("b"), 204);
        await client.readsMessage("b");
        assert.deepEqual(client.messages, ["a", "b"]);
        await halting.told.hears(client.id, "heard: b");
        assert.equal(halting.told.count(client.id, "open"), 1);
      });

      test(`${level}, ${segment}: a session that cannot be deleted is deleted later, and its application is told once`, async (t) => {
        const client = new Client(t, hasty, segment);
        await hasty.refuse(client.object, FORGET);
        await client.readResponse();
        await refuses(hasty, client.object);
        await hasty.refuse(client.object);
        await rowsGo(hasty, client);
        await hasty.told.hears(client.id, "closed");
        const lives = hasty.told.of(client.id).filter((told) => !told.startsWith("heard"));
        assert.deepEqual(lives, ["open", "close: TimedOut", "closed"]);
      });

      if (level === "outbox") {
        test(`${level}, ${segment}: the application learns that a message was not stored, and it never goes out`, async (t) => {
          const client = await openClient(t, trouble, segment);
          assert.equal(await client.send("a"), 204);
          await trouble.refuse(client.object, APPEND);
          assert.equal(await client.send("b"), 204);
          await trouble.refuse(client.object);
          assert.equal(await client.send("c"), 204);
          await client.readsMessage("c");
          assert.deepEqual(client.messages, ["a", "c"]);
          await trouble.told.hears(client.id, "heard: c");
          const told = trouble.told.of(client.id).filter((told) => told.startsWith("refused"));
          assert.deepEqual(told, ["refused: storage failed"]);
        });
      } else {
        test(`${level}, ${segment}: messages that could not be stored wait in memory and are stored later`, async (t) => {
          const client = new Client(t, halting, segment);
          await client.readResponse();
          await halting.refuse(client.object, APPEND);
          assert.equal(await client.send("a", "b"), 204);
          await refuses(halting, client.object);
          assert.equal(await client.send("c"), 204);
          await refuses(halting, client.object);
          await halting.refuse(client.object);
          await storedMessages(halting, [client], 3);
          await halting.restart(client.object);
          client.readOn();
          await client.readsMessage("c");
          assert.deepEqual(client.messages, ["a", "b", "c"]);
        });

        test(`${level}, ${segment}: messages that could not be stored come when their client does`, async (t) => {
          const client = new Client(t, halting, segment);
          await client.readResponse();
          await halting.refuse(client.object, APPEND);
          assert.equal(await client.send("a", "b"), 204);
          await refuses(halting, client.object);
          client.readOn();
          await client.readsMessage("b");
          assert.deepEqual(client.messages, ["a", "b"]);
          await halting.refuse(client.object);
        });
      }
    }

  });
}
