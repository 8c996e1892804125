// kill -9 of everything while messages wait for clients, and a new runtime on the same storage.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { TRANSPORTS } from "../harness/protocol/transports.mjs";
import { Client } from "./rig/client.mjs";
import { storedMessages } from "./rig/storage.mjs";
import { LEVELS, startTrouble } from "./rig/trouble.mjs";

const SEGMENTS = Object.keys(TRANSPORTS);
const MANY = { sessions: 100, messages: 10 };

/** Every response ends with its first frame, so that a client of any transport can be gone between two. */
const HALTING = { SOCKJS_RESPONSE_LIMIT: "1" };

/** A session that nobody reads, whose messages are on disk. */
async function openWaiting(owner, trouble, segment, messages) {
  const client = new Client(owner, trouble, segment);
  await client.readResponse();
  // One after the other, so that they come into several rows.
  for (const message of messages) assert.equal(await client.send(message), 204);
  return client;
}

async function readsExactly(client, messages) {
  client.readOn();
  await client.when(() => client.messages.length >= messages.length, `${messages.length} messages`);
  assert.equal(await client.send("the end"), 204);
  await client.readsMessage("the end");
  assert.deepEqual(client.messages, [...messages, "the end"]);
  assert.deepEqual(client.frames.filter((frame) => frame !== "h"), ["o"]);
}

const echoes = (count) => Array.from({ length: count }, (_, number) => `echo ${number}`);

for (const [level, vars] of Object.entries(LEVELS)) {
  describe(level, async () => {
    test(`${level}: what waits longer than persist_after comes after a kill -9, once and in order, over every transport`, async (t) => {
      const trouble = await startTrouble(t, { vars: { ...HALTING, ...vars } });
      const messages = echoes(20);
      const clients = await Promise.all(SEGMENTS.map((segment) => openWaiting(t, trouble, segment, messages)));
      await storedMessages(trouble, clients, messages.length);
      for (const _ of [1, 2]) await trouble.crash();
      for (const [at, client] of clients.entries()) {
        await t.test(`${level}, ${SEGMENTS[at]}: what waited comes once and in order`, () => readsExactly(client, messages));
        assert.deepEqual(trouble.told.of(client.id).filter((told) => !told.startsWith("heard")), ["open"]);
      }
    });

    test(`${level}: ${MANY.messages * MANY.sessions} messages that wait in ${MANY.sessions} sessions come after a kill -9`, async (t) => {
      const trouble = await startTrouble(t, { vars: { ...HALTING, ...vars } });
      const messages = echoes(MANY.messages);
      const open = (_, at) => openWaiting(t, trouble, SEGMENTS[at % SEGMENTS.length], messages);
      const clients = await Promise.all(Array.from({ length: MANY.sessions }, open));
      await storedMessages(trouble, clients, messages.length);
      await trouble.crash();
      await Promise.all(clients.map((client) => readsExactly(client, messages)));
      const came = clients.reduce((sum, client) => sum + client.messages.length - 1, 0);
      t.diagnostic(`came: ${came} of ${MANY.messages * MANY.sessions}`);
    });
  });
}
