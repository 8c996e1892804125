// A room of WebSockets that the Worker holds: its object restarts, and all come back. With SOCKJS_FULL (npm run held) the room is
// large.

import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../harness/waiting/wait.mjs";
import { HELD, OBJECT, livesOf } from "./rig/held.mjs";
import { startTrouble } from "./rig/trouble.mjs";
import { KINDS } from "../harness/clients/websocket-client.mjs";

const CLIENTS = process.env.SOCKJS_FULL ? 5_000 : 300;
const AT_ONCE = 50;
const RESTARTS = 2;
/** The application knows within this time of all that they are back. */
const BACK_MS = 15_000;
const LONG_MS = 120_000;

test(`${CLIENTS} held WebSockets in one room come back from each restart within ${BACK_MS / 1_000} s, and nobody is closed`, async (t) => {
  const trouble = await startTrouble(t, { vars: HELD });
  const kinds = Object.values(KINDS);
  const clients = [];
  let closed = 0;
  while (clients.length < CLIENTS) {
    const opening = Array.from({ length: Math.min(AT_ONCE, CLIENTS - clients.length) }, async (_, number) => {
      const client = await kinds[number % kinds.length].open(t, trouble);
      client.closed.then(() => (closed += 1));
      return client;
    });
    clients.push(...(await Promise.all(opening)));
  }
  const times = [];
  for (let restart = 1; restart <= RESTARTS; restart += 1) {
    const began = performance.now();
    await trouble.restart(OBJECT);
    const isBack = (client) => livesOf(trouble, client).length > restart;
    await until(() => clients.every(isBack), "all to be back", BACK_MS);
    times.push(((performance.now() - began) / 1_000).toFixed(1));
  }
  t.diagnostic(`all back after ${times.join(" s, ")} s`);
  for (const client of clients) client.send("after");
  await until(() => clients.every(({ messages }) => messages.includes("after")), "all echoes", LONG_MS);
  assert.equal(closed, 0);
  for (const client of clients) assert.deepEqual(livesOf(trouble, client), ["open", ...Array(RESTARTS).fill("return")]);
});
