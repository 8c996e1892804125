// The Worker's memory for the WebSockets that it holds, while their object is away or its handlers wait: the total is bounded,
// and a client that keeps little is not closed for the messages of others. With SOCKJS_FULL (npm run held) the clients send more.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { growthDuring } from "../harness/machine/memory.mjs";
import { until } from "../harness/waiting/wait.mjs";
import { HELD, OBJECT, echoes } from "./rig/held.mjs";
import { COLLECTED } from "./rig/layout.mjs";
import { startTrouble } from "./rig/trouble.mjs";
import { KINDS } from "../harness/clients/websocket-client.mjs";

const MIB = 1 << 20;
const FLOODING = 100;
const MODEST = 20;
/** Messages of each flooding client: this many rounds of messages of 8 KiB in memory, of one or two bytes for a character. */
const ROUNDS = process.env.SOCKJS_FULL ? 64 : 16;
const AT_ONCE = 8;
const SIZE = 8 << 10;
const TEXTS = ["-".repeat(SIZE), "\u4e2d".repeat(SIZE / 2)];
const TOTAL = FLOODING * ROUNDS * AT_ONCE * SIZE;
/** The object is away for longer than any client takes to send everything. */
const VARS = { ...HELD, SOCKJS_REATTACH_TIMEOUT: "600000" };
const COLLECT_MS = 250;
const LONG_MS = 120_000;
const CLOSED = { code: 1013, reason: "Too many messages wait" };

/** Memory that the server may need beyond what it keeps: what it reads at the moment, and garbage. */
const SLACK = 40 * MIB;

test("while an object is away, at most 32 MiB wait for it, and who keeps little loses nothing", async (t) => {
  const { trouble, modest, flooding } = await start(t);
  await trouble.away(OBJECT, true);
  await trouble.restart(OBJECT);
  const sent = [];
  const growth = await floods(trouble, flooding, async (number) => {
    sent.push(`echo ${number}`);
    for (const client of modest) client.send(sent.at(-1));
  });
  t.diagnostic(`${mib(TOTAL)} came; memory grew by ${mib(growth)}`);
  assert.ok(growth < 32 * MIB + SLACK, `it grew by ${mib(growth)}`);
  await trouble.away(OBJECT, false);
  for (const client of modest) {
    await client.when(() => client.messages.length === 1 + sent.length, "all echoes", LONG_MS);
    assert.deepEqual(client.messages.slice(1), sent);
  }
  const isThrough = ({ end, messages }) => end || messages.length === 1 + ROUNDS * AT_ONCE;
  await until(() => flooding.every(isThrough), "clients that flood to be closed or answered", LONG_MS);
  await endsOf(t, { modest, flooding });
});

test("while handlers wait, so do at most as many messages, and who keeps little is answered all the time", async (t) => {
  const { trouble, modest, flooding } = await start(t);
  for (const client of flooding) client.order({ sleep: { ms: 3_600_000, then: "awake" } });
  const growth = await floods(trouble, flooding, (number) => Promise.all(modest.map((client) => echoes(client, `echo ${number}`))));
  t.diagnostic(`${mib(TOTAL)} came; memory grew by ${mib(growth)}`);
  // The object keeps 24 MiB of its own, as UTF-8.
  assert.ok(growth < (32 + 24) * MIB + SLACK, `it grew by ${mib(growth)}`);
  await until(() => flooding.some(({ end }) => end), "a client that floods to be closed", LONG_MS);
  await endsOf(t, { modest, flooding });
});

/** A server and its clients, which are known to work. */
async function start(t) {
  const trouble = await startTrouble(t, { vars: VARS, layout: COLLECTED });
  const kinds = Object.values(KINDS);
  const open = async (_, number) => {
    const client = await kinds[number % kinds.length].open(t, trouble, { perMessageDeflate: false });
    client.closed.then((end) => (client.end = end));
    await echoes(client);
    return client;
  };
  const modest = await Promise.all(Array.from({ length: MODEST }, open));
  const flooding = await Promise.all(Array.from({ length: FLOODING }, open));
  return { trouble, modest, flooding };
}

/** Sends all messages of the clients that flood, and with each `meanwhile`. Returns the bytes by which memory grew. */
async function floods(trouble, flooding, meanwhile) {
  let isOver = false;
  const collecting = async () => {
    while (!isOver) {
      await trouble.collect();
      await sleep(COLLECT_MS);
    }
  };
  const body = async () => {
    for (let number = 0; number < ROUNDS; number += 1) {
      for (const [at, client] of flooding.entries()) {
        for (let message = 0; message < AT_ONCE; message += 1) client.send(`${number} ${TEXTS[(at >> 1) % TEXTS.length]}`);
      }
      await Promise.all([meanwhile(number), ...flooding.map((client) => client.arrives(LONG_MS))]);
    }
  };
  await trouble.collect();
  const collected = collecting();
  try {
    return (await growthDuring(trouble.server, body)).growth;
  } finally {
    isOver = true;
    await collected;
  }
}

/** Some of the clients that flood were closed for it, and no other. */
async function endsOf(t, { modest, flooding }) {
  const closed = flooding.filter(({ end }) => end);
  t.diagnostic(`${closed.length} of ${flooding.length} clients that flood were closed`);
  assert.ok(closed.length > 0);
  for (const { end } of closed) assert.deepEqual(end, CLOSED);
  for (const client of modest) await echoes(client, "the end");
  assert.ok(modest.every(({ end }) => end === undefined));
}

const mib = (bytes) => `${(bytes / MIB).toFixed(0)} MiB`;
