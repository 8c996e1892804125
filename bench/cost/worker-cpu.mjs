// Processor time of heartbeats and messages if the Worker holds the client. Worker and object share a process here, so the result
// includes both, and the runtime's sockets: an upper bound of the Worker's bill. It is the difference between a time in which
// many connections have heartbeats or messages, and a time in which the same connections have none.

import { setTimeout as sleep } from "node:timers/promises";
import { processorTime } from "../../tests/harness/machine/processes.mjs";
import { TRANSPORTS } from "./connections.mjs";
import { withServer } from "./servers.mjs";

const MEASURED = ["websocket", "websocket-raw", "xhr-streaming", "eventsource", "htmlfile"];
const CONNECTIONS = 200;
const HEARTBEAT_MS = 1_000;
const HEARTBEATS = 10;
const MESSAGES = 5;
/** Heartbeats of an hour at the default delay of 25 s. */
const PER_HOUR = 144;
/** Prevents heartbeats while something else is measured. */
const QUIET = { SOCKJS_HEARTBEAT_DELAY: "34000" };
const BEATING = { SOCKJS_HEARTBEAT_DELAY: String(HEARTBEAT_MS) };

/** Returns `{ action, placement, transport, microseconds, perHour }` for each heartbeat and message. */
export async function measureCpu() {
  const results = [];
  for (const transport of MEASURED) {
    const { isRaw } = TRANSPORTS[transport];
    const quiet = await withConnections(transport, QUIET, idleFor);
    const of = (what, microseconds, perHour) => ({
      action: "processor time",
      placement: "room by the Worker",
      transport: `${what}, ${transport}`,
      microseconds: Math.max(0, microseconds),
      perHour,
    });
    if (!isRaw) {
      const beating = await withConnections(transport, BEATING, idleFor);
      results.push(of("a heartbeat", (beating - quiet) / (CONNECTIONS * HEARTBEATS), PER_HOUR));
    }
    const busy = await withConnections(transport, QUIET, exchange);
    results.push(of("a message there and back", busy / (CONNECTIONS * MESSAGES)));
  }
  return results;
}

/** Returns the microseconds of processor time that `body(connections)` takes. */
function withConnections(transport, vars, body) {
  return withServer("room by the Worker", async (server, owner) => {
    // All at once, so that their heartbeats coincide: waking the process is not billed.
    const open = () => TRANSPORTS[transport].open(owner, `${server.url}/echo`);
    const connections = await Promise.all(Array.from({ length: CONNECTIONS }, open));
    const before = processorTime(server.pid);
    await body(connections);
    return (processorTime(server.pid) - before) * 1_000;
  }, vars);
}

const idleFor = () => sleep(HEARTBEATS * HEARTBEAT_MS);

async function exchange(connections) {
  for (let number = 0; number < MESSAGES; number += 1) {
    await Promise.all(connections.map(async (connection) => {
      await connection.send(`message ${number}`);
      await connection.next(60_000);
    }));
  }
}
