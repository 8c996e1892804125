// What is refused costs next to nothing, since anyone can send it as often as they like.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { billed } from "../../bench/cost/bill.mjs";
import { REFUSALS, refuse } from "../../bench/cost/refusals.mjs";
import { withServer } from "../../bench/cost/servers.mjs";

describe("a refused request writes no row, sets no alarm, and asks no object that need not be asked", { concurrency: true }, () => {
  for (const [name, { objectRequests }] of Object.entries(REFUSALS)) {
    test(name, () =>
      withServer("session", async (server) => {
        await refuse(`${server.url}/echo`, name);
        const counters = await server.settled();
        const bill = billed(counters);
        assert.deepEqual([bill.workerRequests, bill.objectRequests, bill.rowsWritten, counters.alarms], [1, objectRequests, 0, 0]);
      }),
    );
  }
});
