// Sends of one session that are written one after the other, without waiting, each on a connection of its own: the server
// handles their messages in that order, whatever their sizes.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { after, describe, test } from "node:test";
import { assertComplete } from "../harness/messages/numbered.mjs";
import { ByteReader } from "../harness/clients/byte-reader.mjs";
import { startReference } from "../harness/servers/reference.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { within } from "../harness/waiting/wait.mjs";
import { openSession } from "../harness/clients/eager-session.mjs";

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
          for (const connection of connections) assert.match(await connection.answer(), / 204 /);
        }
        assertComplete(await session.received(sent.length), sent);
      });
    }
  });
}

/** Opens a connection, and makes one request so that the server has accepted it. */
async function openConnection(t, server) {
  const { hostname, port, host } = new URL(server);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  t.after(() => socket.destroy());
  const reader = new ByteReader(socket);
  await within(once(socket, "connect"), `a connection to ${host}`);
  const request = (head, body = "") => socket.write(`${head} HTTP/1.1\r\nHost: ${host}\r\n${lengthOf(body)}\r\n${body}`);
  const answer = async () => {
    const status = await reader.line("the answer");
    let length = 0;
    for (let line = status; line !== ""; line = await reader.line("a header")) {
      length = Number(/^content-length: (\d+)$/i.exec(line)?.[1] ?? length);
    }
    await reader.exactly(length, "the body");
    return status;
  };
  const ask = () => {
    request("OPTIONS /echo/info");
    return answer();
  };
  await ask();
  return {
    ask,
    post: (url, message) => request(`POST ${new URL(url).pathname}/xhr_send`, JSON.stringify([message])),
    answer,
  };
}

function lengthOf(body) {
  return body === "" ? "" : `Content-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
}
