// A handler returns an error: that is the end of its own connection, and of no other in the same object.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { TRANSPORTS } from "../harness/protocol/transports.mjs";
import { openClient } from "./rig/client.mjs";
import { LEVELS, startTrouble } from "./rig/trouble.mjs";
import { openWebSocketClient } from "../harness/clients/websocket-client.mjs";

const FAILED = 'c[1011,"Handler failed"]';
const FAIL = { fail: {} };

const openers = Object.fromEntries(
  Object.keys(TRANSPORTS).map((segment) => [segment, (t, trouble) => openClient(t, trouble, segment)]),
);
openers.websocket = openWebSocketClient;

for (const [level, vars] of Object.entries(LEVELS)) {
  describe(level, { concurrency: true }, async () => {
    const trouble = await startTrouble({ after }, { vars: { SOCKJS_PLACEMENT: "room", ...vars } });
    for (const [name, open] of Object.entries(openers)) {
      test(`${level}, ${name}: a handler's error closes its connection, and the others of the room live on`, async (t) => {
        const failing = await open(t, trouble);
        const others = await Promise.all(Object.values(openers).map((openOther) => openOther(t, trouble)));
        await failing.send("before");
        await failing.readsMessage("before");
        await failing.order(FAIL);
        await failing.readsFrame(FAILED);
        if (name === "websocket") assert.deepEqual(await failing.closed, { code: 1000, reason: "Normal closure" });
        else assert.equal(await failing.send("after"), 204);

        for (const other of others) {
          await other.send("echo");
          await other.readsMessage("echo");
          assert.deepEqual(other.frames, ["o"]);
        }
        await trouble.told.hears(failing.id, "closed");
        assert.deepEqual(trouble.told.of(failing.id), ["open", "heard: before", "close: HandlerFailed", "closed"]);
      });
    }
  });
}
