// The rows that are written for each heartbeat of an idle connection: the limits of an hour, checked with a few short heartbeats.
// `npm run cost` measures the hour itself, at the default delays.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { billed } from "../../bench/cost/bill.mjs";
import { TRANSPORTS } from "../../bench/cost/connections.mjs";
import { measureIdle } from "../../bench/cost/idle.mjs";
import { ROOM_ROWS_PER_HEARTBEAT, ROWS_PER_HEARTBEAT } from "../../bench/cost/limits.mjs";
import { withServer } from "../../bench/cost/servers.mjs";

/** As by default, a poll has less than half of the first for the way back, and comes back long before. */
const HEARTBEAT_MS = 3000;
const DISCONNECT_MS = 1000;
const HEARTBEATS = 3;
const IN_ROOM = 10;

/** The end of a stream comes instead of its last heartbeat. */
const MAX_AGE_MS = HEARTBEATS * HEARTBEAT_MS;

const VARS = { SOCKJS_HEARTBEAT_DELAY: String(HEARTBEAT_MS), SOCKJS_DISCONNECT_DELAY: String(DISCONNECT_MS) };
const AGING_VARS = { ...VARS, SOCKJS_RECEIVER_MAX_AGE: String(MAX_AGE_MS) };

/** Measures the writes while `count` connections in one object are idle, and the number of heartbeats of each. */
function idle(placement, { open, isRaw }, count, { wholeLife = false, vars = VARS } = {}) {
  const options = { count, heartbeatMs: HEARTBEAT_MS, heartbeats: HEARTBEATS, beats: !isRaw, wholeLife };
  return withServer(
    placement,
    async (server, owner) => {
      const { counters, heartbeats } = await measureIdle(server, () => open(owner, `${server.url}/echo`), options);
      assert.ok(heartbeats >= HEARTBEATS);
      return { rows: billed(counters).rowsWritten, heartbeats };
    },
    vars,
  );
}

/** On a busy machine a poll may miss the half second that it has for the way back, which costs a row: so it is tried again. */
const TRIALS = 3;

/** Measures until no more rows were written than `limit` says for so many heartbeats. */
async function assertAtMost(limit, measure) {
  for (let trial = 1; ; trial += 1) {
    const { rows, heartbeats } = await measure();
    if (rows <= limit(heartbeats)) return;
    assert.ok(trial < TRIALS, `${rows} rows in ${heartbeats} heartbeats, not ${limit(heartbeats)}`);
  }
}

// Not all at once, for the same reason.
describe("rows written while connections idle", { concurrency: 6 }, () => {
  for (const [transport, row] of Object.entries(TRANSPORTS)) {
    const limit = ROWS_PER_HEARTBEAT[row.kind];
    test(`${transport}: at most ${limit} for each heartbeat`, async () => {
      await assertAtMost((heartbeats) => limit * heartbeats, () => idle("session", row, 1));
    });

    test(`${transport}, ${IN_ROOM} in a room: at most ${ROOM_ROWS_PER_HEARTBEAT} for all`, async () => {
      await assertAtMost((heartbeats) => ROOM_ROWS_PER_HEARTBEAT * heartbeats, () => idle("room", row, IN_ROOM));
    });

    if (row.kind !== "stream") continue;
    // Each ends six times an hour, and there are no rows to spare for that; a room has 56, for the ends of a hundred.
    test(`${transport}: no more when one reaches receiver_max_age and another follows`, async () => {
      const measure = () => idle("session", row, 1, { wholeLife: true, vars: AGING_VARS });
      await assertAtMost((heartbeats) => limit * heartbeats, measure);
    });

    test(`${transport}, ${IN_ROOM} in a room: one more when all reach it and others follow`, async () => {
      const measure = () => idle("room", row, IN_ROOM, { wholeLife: true, vars: AGING_VARS });
      await assertAtMost((heartbeats) => ROOM_ROWS_PER_HEARTBEAT * heartbeats + 1, measure);
    });
  }
});
