// A client that reads gets an answer to everything it sent, and stays connected. sockjs-node passes the same tests.
// Variables: SOCKJS_FLOW_RUNS=1000 for many random backlogs, SOCKJS_FLOW_SEED=N to repeat those of an earlier run.

import { randomInt } from "node:crypto";
import { after, describe, test } from "node:test";
import { TRANSPORTS } from "../harness/clients/eager-session.mjs";
import { connectStockClient } from "../harness/clients/stock-client.mjs";
import { exchangeAtOnce } from "../harness/messages/exchange.mjs";
import { backlog } from "../harness/messages/numbered.mjs";
import { seeded } from "../harness/messages/random.mjs";
import { startReference } from "../harness/servers/reference.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { BACKLOGS, exchange, randomBacklog } from "./cases.mjs";

const { SOCKJS_FLOW_SEED = String(randomInt(2 ** 32)), SOCKJS_FLOW_RUNS = "5" } = process.env;

/** Numbers and sizes of messages. Over HTTP the stock client sends one, and joins the others into one body. */
const STOCK_BACKLOGS = [
  [1000, 1000],
  [300, 10_000],
  [1000, 2000],
  [3000, 2000],
];
const STOCK_TRANSPORTS = ["websocket", "xhr-streaming", "eventsource", "xhr-polling"];
/** Over eventsource it waits 200 ms between two streams, so that more would take minutes. */
const FEW_FOR_EVENTSOURCE = 2;

const servers = {
  "this server": await startServer({ after }),
  "sockjs-node": await startReference({ after }),
};

for (const [name, server] of Object.entries(servers)) {
  describe(name, () => {
    for (const [what, backlog] of Object.entries(BACKLOGS)) {
      const way = backlog.way ? `, sent ${backlog.way},` : "";
      for (const transport of backlog.transports ?? TRANSPORTS) {
        test(`${transport}: ${what}${way} come back complete`, (t) => exchange(t, server, transport, backlog));
      }
    }

    for (const transport of STOCK_TRANSPORTS) {
      for (const [count, size] of STOCK_BACKLOGS.slice(0, transport === "eventsource" ? FEW_FOR_EVENTSOURCE : undefined)) {
        test(`stock client, ${transport}: ${count} messages of ${size} bytes, sent at once, come back complete`, async (t) => {
          const client = await connectStockClient(t, `${server.url}/echo`, transport);
          await exchangeAtOnce(client, backlog(count, size));
        });
      }
    }

    const random = seeded(Number(SOCKJS_FLOW_SEED));
    for (let run = 0; run < Number(SOCKJS_FLOW_RUNS); run++) {
      const { name: what, transport, bodies } = randomBacklog(random);
      const title = `${what}, come back complete (SOCKJS_FLOW_SEED=${SOCKJS_FLOW_SEED})`;
      test(title, (t) => exchange(t, server, transport, { bodies }));
    }
  });
}
