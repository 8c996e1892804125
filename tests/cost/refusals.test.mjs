// Refused requests cost next to nothing, since anyone can send them as often as they like. `npm run refusals` sends more.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { REFUSALS, refuse } from "../../bench/cost/refusals.mjs";

const COUNT = 1000;

describe("refused requests write no row, set no alarm, and start no object that need not be asked", { concurrency: 2 }, () => {
  for (const [name, { objectRequests }] of Object.entries(REFUSALS)) {
    // Where objects are asked, each request has one of its own.
    const count = objectRequests === 0 ? COUNT : 10;
    test(`${count} of: ${name}`, async () => {
      const { workerRequests, fetches, constructions, sqlRowsWritten, setAlarms, alarms } = await refuse(name, count);
      assert.deepEqual(
        { workerRequests, fetches, constructions, sqlRowsWritten, setAlarms, alarms },
        {
          workerRequests: count,
          fetches: count * objectRequests,
          constructions: count * objectRequests,
          sqlRowsWritten: 0,
          setAlarms: 0,
          alarms: 0,
        },
      );
    });
  }
});
