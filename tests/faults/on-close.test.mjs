// The object is restarted while its application is told that a session is over, or before it could be.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Session } from "../harness/clients/session.mjs";
import { TRANSPORTS } from "../harness/protocol/transports.mjs";
import { until } from "../harness/waiting/wait.mjs";
import { Client, openClient } from "./rig/client.mjs";
import { storedSessions } from "./rig/storage.mjs";
import { describeLevels, startTrouble } from "./rig/trouble.mjs";

const SEGMENTS = Object.keys(TRANSPORTS);
/** Sessions end soon, and so do their rows. */
const HASTY = { SOCKJS_HEARTBEAT_DELAY: "5000", SOCKJS_DISCONNECT_DELAY: "5000", SOCKJS_RESPONSE_LIMIT: "1" };
/** An object that is still being told of an end when its alarm fires has the next one a minute later. */
const LONG_MS = 120_000;
/** Longer than any test. */
const SLOWLY = { close_slowly: { ms: 600_000 } };

/** Ways in which a session ends, what its application is told, and what is answered to whoever asks for it then. */
const ENDS = {
  "whose client left": {
    end: (client) => client.leave(),
    told: "close: Interrupted",
    frame: 'c[1002,"Connection interrupted"]',
  },
  "whose handler failed": {
    end: (client) => client.order({ fail: {} }),
    told: "close: HandlerFailed",
    frame: 'c[1011,"Handler failed"]',
  },
};

/** Waits until nothing is left of the session on disk. */
function rowsGo({ server }, { id }) {
  return until(() => !storedSessions(server.objects).includes(id), `the rows of ${id} to go`, LONG_MS);
}

describeLevels(async (level, vars) => {
  const trouble = await startTrouble({ after }, { vars });
  const hasty = await startTrouble({ after }, { vars: { ...HASTY, ...vars } });
  const livesOf = ({ told }, { id }) => told.of(id).filter((event) => /^(open|close)/.test(event));

  for (const segment of SEGMENTS) {
    for (const [which, { end, told, frame }] of Object.entries(ENDS)) {
      test(`${level}, ${segment}: a session ${which} ends again when it was restarted in its on_close`, async (t) => {
        const lives = (client) => livesOf(trouble, client);
        const isOver = async (client) => {
          const receiver = await new Session(t, trouble.service, segment, client.id).openReceiver();
          assert.equal(await receiver.frame(), frame);
          assert.equal(await client.send("too late"), 204);
        };
        const client = await openClient(t, trouble, segment);
        await client.order(SLOWLY);
        await client.readsMessage("will close slowly");
        await client.attached();
        await end(client);
        await trouble.told.hears(client.id, told);
        client.leave();
        await isOver(client);
        assert.deepEqual(lives(client), ["open", told]);

        await trouble.restart(client.object);
        await isOver(client);
        await trouble.told.hears(client.id, "closed");
        assert.deepEqual(lives(client), ["open", told, told, "closed"]);
        await trouble.restart(client.object);
        await isOver(client);
        assert.deepEqual(lives(client), ["open", told, told, "closed"]);
        assert.equal(trouble.told.count(client.id, "heard: too late"), 0);
      });
    }

    test(`${level}, ${segment}: a session that timed out ends again when it was restarted in its on_close, and no rows remain`, async (t) => {
      const client = new Client(t, hasty, segment);
      await client.readResponse();
      await client.order(SLOWLY);
      await hasty.told.hears(client.id, "close: TimedOut", LONG_MS);
      await hasty.restart(client.object);
      await hasty.told.hears(client.id, "closed", LONG_MS);
      assert.deepEqual(livesOf(hasty, client), ["open", "close: TimedOut", "close: TimedOut", "closed"]);
      await rowsGo(hasty, client);
    });

    test(`${level}, ${segment}: a session that was abandoned as its object was restarted ends once, and no rows remain`, async (t) => {
      const client = new Client(t, hasty, segment);
      await client.readResponse();
      assert.equal(await client.send("a"), 204);
      await hasty.restart(client.object);
      await hasty.told.hears(client.id, "closed", LONG_MS);
      assert.deepEqual(livesOf(hasty, client), ["open", "close: TimedOut", "closed"]);
      await rowsGo(hasty, client);
    });

    test(`${level}, ${segment}: a client that leaves as its object is restarted is missed, and no rows remain`, async (t) => {
      const leaving = await openClient(t, hasty, segment);
      await Promise.all([hasty.restart(leaving.object), leaving.leave()]);
      await hasty.told.hears(leaving.id, "closed", LONG_MS);
      const [open, close, ...more] = livesOf(hasty, leaving);
      assert.equal(open, "open");
      // Whether the word that it left came first, nobody knows.
      assert.match(close, /^close: (Interrupted|TimedOut)$/);
      assert.deepEqual(more, ["closed"]);
      await rowsGo(hasty, leaving);
    });
  }
});
