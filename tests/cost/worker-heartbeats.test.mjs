// Heartbeats of the Worker reach no object: for an idle response or WebSocket nothing is asked, written or woken.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { TRANSPORTS } from "../../bench/cost/connections.mjs";
import { measureIdle } from "../../bench/cost/idle.mjs";
import { withServer } from "../../bench/cost/servers.mjs";

const HEARTBEAT_MS = 1000;
const HEARTBEATS = 5;
const VARS = { SOCKJS_HEARTBEATS: "worker", SOCKJS_WEBSOCKET_HOLDER: "worker", SOCKJS_HEARTBEAT_DELAY: String(HEARTBEAT_MS), SOCKJS_DISCONNECT_DELAY: "60000" };

/** Measures the events in objects while `count` connections are idle. */
function idle(placement, { isRaw, open }, count) {
  const options = { count, heartbeatMs: HEARTBEAT_MS, heartbeats: HEARTBEATS, beats: !isRaw };
  const measure = async (server, owner) => {
    const { counters } = await measureIdle(server, () => open(owner, `${server.url}/echo`), options);
    const { fetches, alarms, messages, socketEnds, sqlRowsWritten, setAlarms } = counters;
    return { fetches, alarms, messages, socketEnds, sqlRowsWritten, setAlarms };
  };
  return withServer(placement, measure, VARS);
}

const NOTHING = { fetches: 0, alarms: 0, messages: 0, socketEnds: 0, sqlRowsWritten: 0, setAlarms: 0 };

describe("heartbeats of the Worker", { concurrency: 4 }, () => {
  for (const [transport, row] of Object.entries(TRANSPORTS).filter(([, { kind }]) => kind !== "poll")) {
    test(`${transport}: an idle connection costs its object nothing`, async () => {
      assert.deepEqual(await idle("session", row, 1), NOTHING);
    });

    test(`${transport}: nor do ten in a room`, async () => {
      assert.deepEqual(await idle("room", row, 10), NOTHING);
    });
  }

  for (const [transport, row] of Object.entries(TRANSPORTS).filter(([, { kind }]) => kind === "poll")) {
    test(`${transport}: polls that follow each other set no alarm and write no row`, async () => {
      const { alarms, sqlRowsWritten, setAlarms } = await idle("session", row, 1);
      assert.deepEqual({ alarms, sqlRowsWritten, setAlarms }, { alarms: 0, sqlRowsWritten: 0, setAlarms: 0 });
    });
  }
});
