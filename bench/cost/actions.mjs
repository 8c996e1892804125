// The actions of a connection, and the cost of each: { name: async (placement, transport) => counters }.
//
// Delays are the defaults. If an action leaves something for later, such as an alarm, it counts for the action if it follows
// within the waiting time here, and otherwise partly for the idle hour.

import { setTimeout as sleep } from "node:timers/promises";
import { minus, times } from "./bill.mjs";
import { TRANSPORTS } from "./connections.mjs";
import { withServer } from "./servers.mjs";

/** Number of connections that are opened and closed for an average. */
const CONNECTIONS = 3;

/** At this pace a stream acknowledges each message separately, and all are delivered before the first heartbeat, after 25 s. */
const MESSAGES = 6;
const PACE_MS = 2000;

/** The alarm of an opening has fired after disconnect_delay, 5 s, also for a session whose first poll has no successor. */
const OPENED_MS = 6000;
/** The alarm of the last heartbeat has fired after heartbeat_delay, 25 s, and that of a close frame earlier. */
const CLOSED_MS = 27_000;

export const ACTIONS = {
  open: (placement, transport) =>
    withConnections(placement, async (server, connect) => {
      await connect("/echo", transport); // in a room, the first connection writes the shared rows
      await server.settled();
      await server.reset();
      for (let count = 0; count < CONNECTIONS; count++) await connect("/echo", transport);
      return times(await server.settled(), 1 / CONNECTIONS);
    }),

  "message in": measureIn,

  async "message out"(placement, transport) {
    const [both, alone] = await Promise.all([measureEcho(placement, transport), measureIn(placement, transport)]);
    return minus(both, alone);
  },

  close: (placement, transport) =>
    withConnections(placement, async (server, connect) => {
      // In a room, a connection without heartbeats stays.
      if (placement === "room") await connect("/echo", "websocket-raw");
      const connections = [];
      for (let count = 0; count < CONNECTIONS; count++) connections.push(await connect("/echo", transport));
      await sleep(OPENED_MS);
      await server.reset();
      for (const connection of connections) await connection.leave();
      await sleep(CLOSED_MS);
      return times(await server.settled(), 1 / CONNECTIONS);
    }),
};

/** Measures a message without an answer: an order of no bytes. */
function measureIn(placement, transport) {
  const order = JSON.stringify({ bytes: 0, size: 1 });
  return measureMessages(placement, transport, "/flood", (connection) => connection.send(order));
}

/** Measures a message and its echo. */
function measureEcho(placement, transport) {
  return measureMessages(placement, transport, "/echo", async (connection) => {
    await connection.send("m");
    await connection.next();
  });
}

function measureMessages(placement, transport, service, exchange) {
  return withConnections(placement, async (server, connect) => {
    const connection = await connect(service, transport);
    await sleep(OPENED_MS);
    await server.reset();
    for (let count = 0; count < MESSAGES; count++) {
      await exchange(connection);
      if (count < MESSAGES - 1) await sleep(PACE_MS);
    }
    return times(await server.settled(), 1 / MESSAGES);
  });
}

function withConnections(placement, body) {
  return withServer(placement, (server, owner) => {
    const connect = (prefix, transport) => TRANSPORTS[transport].open(owner, `${server.url}${prefix}`);
    return body(server, connect);
  });
}
