// The table of `npm run bench:cluster`: a room whose object is at one node, asked there and by way of the other node, in turn.

import { openWebSocketClient } from "../../tests/harness/clients/websocket-client.mjs";
import { PersistentClient } from "../../tests/harness/clients/persistent-client.mjs";
import { startCluster } from "../../tests/harness/cluster/cluster.mjs";
import { quantile } from "../speed/figures.mjs";
import { owning } from "./owner.mjs";

const ROUNDS = Number(process.env.SOCKJS_ROUNDS ?? 5);
const ROUND_MS = 3_000;
/** Connections, and messages that each has in flight. */
const LOADS = [[1, 1], [1, 64], [32, 1]];
const WAYS = [
  { name: "websocket, held by the Worker", holder: "worker", open: openWebSocketClient },
  { name: "websocket, held by the object", holder: "object", open: openWebSocketClient },
  { name: "xhr-streaming", holder: "worker", open: openStream },
];

async function openStream(owner, { service }) {
  const client = new PersistentClient(owner, service, "xhr_streaming");
  await client.open();
  client.close = () => client.leave();
  return client;
}

/** Echoes a second through `node`. */
async function rate(owner, service, open, [connections, inFlight]) {
  const clients = await Promise.all(Array.from({ length: connections }, () => open(owner, { service })));
  const end = performance.now() + ROUND_MS;
  const speak = async (client) => {
    for (let sent = 0; performance.now() < end; ) {
      // Over HTTP, a client has one request under way at a time, with all that it has to say.
      const messages = Array.from({ length: inFlight - (sent - client.messages.length) }, () => `message ${sent++}`);
      if (messages.length > 0) await client.send(...messages);
      await new Promise(setImmediate);
    }
    return client.messages.length;
  };
  const counts = await Promise.all(clients.map(speak));
  for (const client of clients) client.close();
  return counts.reduce((sum, count) => sum + count, 0) / (ROUND_MS / 1000);
}

const median = (numbers) => quantile(numbers, 0.5);

console.log("| transport | connections × in flight | echoes/s at the owner | by way of another node | ratio |");
console.log("|---|---|---|---|---|");
for (const { name, holder, open } of WAYS) {
  await owning(async (owner) => {
    const vars = { SOCKJS_PLACEMENT: "room", SOCKJS_WEBSOCKET_HOLDER: holder };
    const cluster = await startCluster(owner, { count: 2, timeDivisor: 1, vars });
    const [own, other] = cluster.nodes.map((node) => cluster.service("/echo", node));
    // Who is asked first owns the room.
    await openStream(owner, { service: own });
    for (const load of LOADS) {
      const rates = { own: [], other: [] };
      for (let round = 0; round < ROUNDS; round += 1) {
        rates.own.push(await rate(owner, own, open, load));
        rates.other.push(await rate(owner, other, open, load));
      }
      const ratio = median(rates.own.map((rate, round) => rates.other[round] / rate));
      console.log(`| ${name} | ${load.join(" × ")} | ${Math.round(median(rates.own))} | ${Math.round(median(rates.other))} | ${ratio.toFixed(2)} |`);
    }
  });
}
