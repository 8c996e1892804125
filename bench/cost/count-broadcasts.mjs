// Counts the cost of a broadcast, by the number of members, their transport, and the number of objects. Each broadcast is pushed
// over HTTP.

import { setTimeout as sleep } from "node:timers/promises";
import { request } from "../../tests/harness/clients/http.mjs";
import { billed, dollars, times } from "./bill.mjs";
import { TRANSPORTS } from "./connections.mjs";
import { number } from "./report.mjs";
import { withServer } from "./servers.mjs";

const TOKEN = "a secret of at least thirty-two characters";
const MEMBERS = (process.env.SOCKJS_MEMBERS ?? "100,1000,3000").split(",").map(Number);
const ROOMS = { "one object": "/society/large", "eight shards": "/nation" };
/** Kinds of members, with the variables for each. */
const CROWDS = {
  websocket: { transport: "websocket", vars: {} },
  "websocket, held": { transport: "websocket", vars: { SOCKJS_WEBSOCKET_HOLDER: "worker" } },
  "websocket, held, outbox": { transport: "websocket", vars: { SOCKJS_WEBSOCKET_HOLDER: "worker", SOCKJS_DURABILITY: "outbox" } },
  "xhr-streaming": { transport: "xhr-streaming", vars: {} },
};
/** The first member must not get a heartbeat before the last one has opened. JSONP would not wait that long. */
const NO_HEARTBEATS = { SOCKJS_HEARTBEAT_DELAY: "3600000", SOCKJS_RECEIVER_MAX_AGE: "7200000", SOCKJS_TRANSPORTS: "websocket,websocket-raw,xhr-streaming,xhr-polling" };
const MESSAGE = "m".repeat(100);
const BROADCASTS = 4;
/** At this pace a stream acknowledges each broadcast separately. */
const PACE_MS = 2_000;
const AT_ONCE = 20;
const PER_MILLION = 1e6;

const HEAD = ["members", "in", "objects", "requests of the Worker", "to objects", "rows written", "rows read", "busy ms", "$ per million"];
process.stdout.write(`${HEAD.join(" | ")}\n`);
for (const [name, crowd] of Object.entries(CROWDS)) {
  if ((process.env.SOCKJS_CROWD ?? name) !== name) continue;
  for (const [objects, room] of Object.entries(ROOMS)) {
    for (const members of MEMBERS) {
      const counters = await count(room, members, crowd);
      const { workerRequests, objectRequests, rowsWritten, rowsRead } = billed(counters);
      const figures = [workerRequests, objectRequests, rowsWritten, rowsRead, counters.busyMs, dollars(counters) * PER_MILLION];
      process.stdout.write(`${[members, name, objects, ...figures.map(number)].join(" | ")}\n`);
    }
  }
}

/** Counts one broadcast. */
function count(room, members, { transport, vars }) {
  return withServer("session", async (server, owner) => {
    const open = () => TRANSPORTS[transport].open(owner, `${server.url}${room}`);
    for (let opened = 0; opened < members; opened += AT_ONCE) {
      await Promise.all(Array.from({ length: Math.min(AT_ONCE, members - opened) }, open));
    }
    await sleep(PACE_MS);
    await server.settled();
    await server.reset();
    for (let broadcast = 0; broadcast < BROADCASTS; broadcast += 1) {
      const headers = { Authorization: `Bearer ${TOKEN}` };
      const answer = await request(`${server.url}/push`, { method: "POST", headers, body: JSON.stringify({ room, message: MESSAGE }) });
      if (answer.body !== `{"connections":${members}}`) throw new Error(`${answer.status}: ${answer.body}`);
      await sleep(PACE_MS);
    }
    return times(await server.settled(), 1 / BROADCASTS);
  }, { SOCKJS_PUSH_TOKENS: TOKEN, ...NO_HEARTBEATS, ...vars });
}
