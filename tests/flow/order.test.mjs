// Sends of one session that are written one after the other, without waiting, each on a connection of its own: the server
// handles their messages in that order, whatever their sizes.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { openSession } from "../harness/clients/eager-session.mjs";
import { openConnection as connectTo } from "../harness/clients/http.mjs";
import { assertComplete } from "../harness/messages/numbered.mjs";
import { startReference } from "../harness/servers/reference.mjs";
import { startServer } from "../harness/servers/server.mjs";

/** Number of requests, and bytes of each message. Head and body of a request are written at once. */
const VOLLEYS = {
  "40 requests, every ninth of 9,000 bytes": [40, (number) => (number % 9 === 0 ? 9000 : 30)],
  "25 requests, every fourth of 20,000 bytes": [25, (number) => (number % 4 === 1 ? 20_000 : 500)],
  "60 requests, the first half of 12,000 bytes": [60, (number) => (number < 30 ? 12_000 : 10)],
  "30 requests, each smaller than the one before": [30, (number) => (30 - number) * 900],
};
const ROUNDS = 3;

const servers = {
  "this server": await startServer({ after }),
  "sockjs-node": await startReference({ after }),
};

for (const [name, server] of Object.entries(servers)) {
  describe(name, () => {
    for (const [what, [count, size]] of Object.entries(VOLLEYS)) {
      test(`${what}: the messages come in the order of the requests`, async (t) => {
        const session = await openSession(t, `${server.url}/echo`, "xhr_streaming");
        const connections = await Promise.all(Array.from({ length: count }, () => openConnection(t, server.url)));
        const bystander = await openConnection(t, server.url);
        const sent = [];
        for (let round = 0; round < ROUNDS; round++) {
          const messages = Array.from({ length: count }, (_, number) => `${round}.${number} `.padEnd(size(number), "x"));
          sent.push(...messages);
          // The order in which the connections were opened must not matter.
          connections.reverse();
          // Until the server has waited for events again, epoll may still list connections in the order of the last round.
          await bystander.ask();
          for (const [number, message] of messages.entries()) connections[number].post(session.url, message);
          for (const connection of connections) assert.equal(await connection.answer(), 204);
        }
        assertComplete(await session.received(sent.length), sent);
      });
    }
  });
}

/** Opens a connection, and makes one request so that the server has accepted it. */
async function openConnection(t, server) {
  const connection = await connectTo(server);
  t.after(() => connection.close());
  const answer = async () => {
    const { status } = await connection.head();
    await connection.body();
    return status;
  };
  const ask = () => {
    connection.send(`${server}/echo/info`, { method: "OPTIONS" });
    return answer();
  };
  const post = (url, message) => {
    const headers = { "Content-Type": "text/plain" };
    connection.send(`${url}/xhr_send`, { method: "POST", headers, body: JSON.stringify([message]) });
  };
  await ask();
  return { ask, post, answer };
}
