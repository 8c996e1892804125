// The object sleeps behind an idle receiver, as the runtime has it sleep: after ten seconds of silence. What comes then
// comes in the same response.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Session } from "../harness/clients/session.mjs";
import { TRANSPORTS } from "../harness/protocol/transports.mjs";
import { startServer } from "../harness/servers/server.mjs";

/** The second is for a machine so busy that the runtime comes late. */
const SILENCES_MS = [13_000, 20_000];
const HEARTBEAT_MS = 15_000;

// No alarm may break a silence: not that of heartbeats, nor that of a session's end, which is set when a poll is
// answered and stays set when the next one comes.
const quiet = await startServer({ after }, { vars: { SOCKJS_HEARTBEAT_DELAY: "34000" } });
const beating = await startServer({ after }, { vars: { SOCKJS_HEARTBEAT_DELAY: String(HEARTBEAT_MS) } });

/** A receiver that waits, of a session at /instance: its messages are answered with an id of the object's life. */
async function openInstance(t, server, segment) {
  const session = new Session(t, `${server.url}/instance`, segment);
  assert.equal(await session.next(), "o");
  const ask = async () => {
    await session.send("?");
    return session.nextMessages();
  };
  const before = await ask();
  assert.equal(await ask(), before, "it stays in memory while it is busy");
  return { session, ask, before };
}

describe("the object sleeps", { concurrency: true }, () => {
  for (const segment of Object.keys(TRANSPORTS)) {
    test(`${segment}: a message wakes it and comes in the response that waited`, async (t) => {
      const { session, ask, before } = await openInstance(t, quiet, segment);
      for (const silence of SILENCES_MS) {
        await session.receiver();
        const receivers = session.receivers;
        await sleep(silence);
        const now = await ask();
        assert.equal(session.receivers, receivers);
        if (now !== before) return;
      }
      assert.fail("the object never left memory");
    });

    test(`${segment}: it wakes for a heartbeat, which comes in the response that waited`, async (t) => {
      const { session, ask, before } = await openInstance(t, beating, segment);
      for (const _ of [1, 2]) {
        await session.receiver();
        const receivers = session.receivers;
        assert.equal(await session.next(3 * HEARTBEAT_MS), "h");
        assert.equal(session.receivers, receivers);
        if ((await ask()) !== before) return;
      }
      assert.fail("the object never left memory");
    });
  }
});
