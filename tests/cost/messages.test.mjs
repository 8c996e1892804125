// A message that goes straight to a receiver is nobody's to keep: not one row is written for it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { billed } from "../../bench/cost/bill.mjs";
import { TRANSPORTS } from "../../bench/cost/connections.mjs";
import { withServer } from "../../bench/cost/servers.mjs";

const MESSAGES = 5;
/** No timer keeps the object awake for as long after a message; the shortest that did was 5 s. */
const BUSY_MAX_MS = 4_000;
/** The alarm that an opening sets, disconnect_delay after the first poll, is over; that of the heartbeat is far. */
const OPENED_MS = 6000;

describe("no row is written for a message that goes straight to a receiver", { concurrency: true }, () => {
  for (const [transport, { open }] of Object.entries(TRANSPORTS)) {
    test(transport, () =>
      withServer("session", async (server, owner) => {
        const connection = await open(owner, `${server.url}/echo`);
        await sleep(OPENED_MS);
        await server.reset();
        for (let count = 0; count < MESSAGES; count++) {
          await connection.send("m");
          await connection.next();
        }
        const counters = await server.settled();
        assert.equal(billed(counters).rowsWritten, 0, JSON.stringify(counters));
        assert.ok(counters.busyMs < BUSY_MAX_MS, `busy for ${counters.busyMs} ms`);
      }),
    );
  }
});
