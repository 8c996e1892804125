// Many messages, sent over several connections at once and without waiting for answers: what can have an order keeps it,
// in and out.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { start } from "../harness/clients/http.mjs";
import { Session } from "../harness/clients/session.mjs";
import { TRANSPORTS } from "../harness/protocol/transports.mjs";
import { startServer } from "../harness/servers/server.mjs";

const SENDERS = 8;
const SENDS = 25;
const IN_ONE_SEND = 5;
/** As much as makes more in all than a few responses take. */
const FILLING = "x".repeat(200);

const server = await startServer({ after });

for (const segment of Object.keys(TRANSPORTS)) {
  test(`${segment}: 1,000 messages over ${SENDERS} connections come once, those of each in order`, async (t) => {
    const session = new Session(t, `${server.url}/echo`, segment);
    assert.equal(await session.next(), "o");
    const sending = Promise.all(Array.from({ length: SENDERS }, (_, sender) => sendPipelined(t, session, sender)));
    sending.catch(() => {}); // seen below, unless reading fails first
    const received = [];
    while (received.length < SENDERS * SENDS * IN_ONE_SEND) received.push(...JSON.parse((await session.next()).slice(1)));
    await sending;

    const heads = received.map((message) => message.slice(0, -FILLING.length));
    for (let sender = 0; sender < SENDERS; sender++) {
      const its = heads.filter((head) => head.startsWith(`${sender}.`));
      assert.deepEqual(its, Array.from({ length: SENDS }, (_, send) => headsOf(sender, send)).flat());
    }
    for (let at = 0; at < heads.length; at += IN_ONE_SEND) {
      const [sender, send] = heads[at].split(".");
      assert.deepEqual(heads.slice(at, at + IN_ONE_SEND), headsOf(sender, send), "nothing comes into the midst of a send");
    }
    await session.send("the end"); // a doubled last message would come before it
    assert.equal(await session.next(), 'a["the end"]');
    assert.ok(session.receivers > 2, "it took several responses");
  });
}

function headsOf(sender, send) {
  return Array.from({ length: IN_ONE_SEND }, (_, number) => `${sender}.${send}.${number}`);
}

/** All sends of one connection, written before the first is answered. */
async function sendPipelined(t, session, sender) {
  const url = `${session.url}/xhr_send`;
  const bodies = Array.from({ length: SENDS }, (_, send) => headsOf(sender, send).map((head) => head + FILLING));
  const [first, ...others] = bodies.map((body) => ({ method: "POST", body: JSON.stringify(body) }));
  const connection = await start(url, first);
  t.after(() => connection.close());
  for (const send of others) connection.send(url, send);
  for (const _ of bodies) assert.equal((await connection.head()).status, 204);
}
