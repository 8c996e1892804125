// Heartbeats come after silence in the outgoing direction, and only then. That each transport has them, and how they look,
// is in transports.test.mjs.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Session } from "../harness/clients/session.mjs";
import { TRANSPORTS } from "../harness/protocol/transports.mjs";
import { startServer } from "../harness/servers/server.mjs";

const DELAY_MS = 1000;
/** /flood is asked for nothing, which it does, and logs. */
const NOTHING = JSON.stringify({ bytes: 0, size: 1 });

const server = await startServer({ after }, { vars: { SOCKJS_HEARTBEAT_DELAY: String(DELAY_MS) }, log: () => {} });

describe("heartbeats", { concurrency: true }, () => {
  for (const segment of Object.keys(TRANSPORTS)) {
    test(`${segment}: there are none while messages go out`, async (t) => {
      let lastSent = performance.now();
      const session = new Session(t, `${server.url}/disabled_websocket_echo`, segment);
      assert.equal(await session.next(), "o");
      for (const end = lastSent + 3 * DELAY_MS; lastSent < end; ) {
        await session.receiver(); // a poll waits, too
        const sent = performance.now();
        await session.send("a");
        while ((await session.next()) === "h") {
          // The object may beat early, but not before half of the delay; it sent its last frame after our last message.
          const silence = performance.now() - lastSent;
          assert.ok(silence >= DELAY_MS / 2, `a heartbeat after ${silence} ms of silence at most`);
        }
        lastSent = sent;
        await sleep(DELAY_MS / 20);
      }
    });

    test(`${segment}: what only comes in does not put them off`, async (t) => {
      const session = new Session(t, `${server.url}/flood`, segment);
      assert.equal(await session.next(), "o");
      let isOver = false;
      const reading = session.next().finally(() => (isOver = true));
      while (!isOver) {
        await session.send(NOTHING);
        await sleep(DELAY_MS / 20);
      }
      assert.equal(await reading, "h");
    });
  }
});
