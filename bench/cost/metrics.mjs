// The cost of the option `metrics`: the same actions with it and without it.

import { setTimeout as sleep } from "node:timers/promises";
import { minus, times } from "./bill.mjs";
import { TRANSPORTS } from "./connections.mjs";
import { withServer } from "./servers.mjs";

/** One transport of each kind; the others of a kind cost the same. */
export const METRICS_TRANSPORTS = ["websocket", "xhr-streaming", "xhr-polling"];

/** Number of connections that are opened and closed for an average, so far apart that each has its own report. */
const CONNECTIONS = 3;
const APART_MS = 11_000;

/** Number of reports for which a message is sent every two seconds. */
const REPORTS = 3;
const MESSAGES_PER_REPORT = 5;
const PACE_MS = 2000;

/** Time after which everything is reported, and the alarm of the last heartbeat has fired. */
const OVER_MS = 27_000;

const SCENARIOS = {
  async "open and close"(server, connect, placement) {
    // In a room a connection stays.
    if (placement === "room") await connect("websocket-raw");
    await sleep(APART_MS);
    await server.reset();
    for (let count = 0; count < CONNECTIONS; count++) {
      const connection = await connect();
      await sleep(APART_MS);
      await connection.leave();
      await sleep(APART_MS);
    }
    await sleep(OVER_MS);
    return times(await server.settled(), 1 / CONNECTIONS);
  },

  async "10 s of messages"(server, connect) {
    const connection = await connect();
    await sleep(APART_MS);
    await server.reset();
    for (let count = 0; count < REPORTS * MESSAGES_PER_REPORT; count++) {
      await connection.send("m");
      await connection.next();
      await sleep(PACE_MS);
    }
    await sleep(APART_MS);
    return times(await server.settled(), 1 / REPORTS);
  },
};

/** Returns `[{ scenario, counters }]`: the counters with metrics minus those without. */
export function measureMetrics(placement, transport) {
  return Promise.all(Object.entries(SCENARIOS).map(async ([scenario, run]) => {
    const measure = (metrics) => withServer(placement, (server, owner) => {
      const connect = (other = transport) => TRANSPORTS[other].open(owner, `${server.url}/echo`);
      return run(server, connect, placement);
    }, { SOCKJS_METRICS: String(metrics) });
    const [on, off] = await Promise.all([measure(true), measure(false)]);
    return { scenario, counters: minus(on, off) };
  }));
}
