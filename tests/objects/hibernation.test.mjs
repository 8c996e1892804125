// The object sleeps behind idle connections, as the runtime has it sleep: after ten seconds of silence.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { askInstance, instanceConnections } from "../harness/clients/instance.mjs";
import { startServer } from "../harness/servers/server.mjs";

/** The second is for a machine so busy that the runtime comes late. */
const SILENCES_MS = [13_000, 20_000];

// Longer than the silences, so that no alarm breaks them: not that of heartbeats, nor that of a session's end, which is
// set when a poll is answered and stays set when the next one comes.
const delays = { SOCKJS_HEARTBEAT_DELAY: "34000", SOCKJS_DISCONNECT_DELAY: "34000" };
const server = await startServer({ after }, { vars: delays });

describe("an object leaves memory and the idle connection goes on:", { concurrency: true }, () => {
  for (const [kind, connect] of Object.entries(instanceConnections)) {
    test(kind, async (t) => {
      const connection = await connect(t, server);
      const before = await askInstance(connection);
      assert.equal(await askInstance(connection), before, "it stays in memory while it is busy");
      for (const silence of SILENCES_MS) {
        await sleep(silence);
        if ((await askInstance(connection)) !== before) return;
      }
      assert.fail("the object never left memory");
    });
  }
});
