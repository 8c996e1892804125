// Storage fails while it learns of WebSockets that the Worker holds, and handshakes that are refused.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { WebSocket } from "ws";
import { until, within } from "../harness/waiting/wait.mjs";
import { HELD, OBJECT, echoes, livesOf } from "./rig/held.mjs";
import { storedSessions, waitingMessages } from "./rig/storage.mjs";
import { LEVELS, describeLevels, startTrouble } from "./rig/trouble.mjs";
import { KINDS } from "../harness/clients/websocket-client.mjs";

const OPEN = "^INSERT OR REPLACE INTO sockjs_sessions";
const APPEND = "^INSERT INTO sockjs_messages";
/** More than a window, in messages that take a while. */
const SPEECH = { round: 1, count: 60, every_ms: 0, size: 100_000 };
const UNCOMPRESSED = { perMessageDeflate: false };
const LONG_MS = 60_000;

/** Status of the answer to a handshake; 101 if it is accepted. */
async function handshake(t, url, options) {
  const socket = new WebSocket(url.replace(/^http/, "ws"), options);
  t.after(() => socket.terminate());
  socket.on("error", () => {});
  const refused = once(socket, "unexpected-response").then(([, { statusCode }]) => statusCode);
  return within(Promise.race([refused, once(socket, "open").then(() => 101)]), "an answer to the handshake");
}

const paths = { websocket: "/trouble/000/some/websocket", "raw websocket": "/trouble/websocket" };

describeLevels((level, vars) => {
  for (const [name, { open }] of Object.entries(KINDS)) {
    for (const [what, pattern] of Object.entries({ sessions: OPEN, messages: APPEND })) {
      if (level === "default") {
        test(`${level}, ${name}: rows of ${what} that cannot be written lose nothing that a client reads, and stay nowhere`, async (t) => {
          const trouble = await startTrouble(t, { vars: { ...HELD, ...vars, SOCKJS_QUEUE_LIMIT: String(32 << 20) } });
          const client = await open(t, trouble, UNCOMPRESSED);
          await echoes(client);
          await trouble.refuse(OBJECT, pattern);
          client.pause();
          client.order({ speak: SPEECH });
          await trouble.told.hears(client.id, `said 1.${SPEECH.count - 1}`, LONG_MS);
          await until(async () => (await trouble.refused(OBJECT)) > 0, "storage to refuse");
          client.resume();
          await client.when(() => client.messages.length > SPEECH.count / 2, "some messages", LONG_MS);
          await trouble.refuse(OBJECT);
          await client.when(() => client.messages.length === 1 + SPEECH.count, "all messages", LONG_MS);
          await echoes(client);
          client.close(1000, "");
          await trouble.told.hears(client.id, "closed");
          await until(() => storedSessions(trouble.server.objects).length === 0, "all rows to go");
          assert.deepEqual(waitingMessages(trouble.server.objects), {});
          assert.deepEqual(livesOf(trouble, client).slice(0, 1), ["open"]);
        });
      }
    }
  }

  if (level === "outbox") {
    for (const [name, { open }] of Object.entries(KINDS)) {
      test(`${level}, ${name}: a connection that cannot be stored is not opened, and its handshake is answered with 503`, async (t) => {
        const trouble = await startTrouble(t, { vars: { ...HELD, ...vars } });
        await trouble.refuse(OBJECT, OPEN);
        assert.equal(await handshake(t, trouble.server.url + paths[name]), 503);
        await trouble.refuse(OBJECT);
        const client = await open(t, trouble);
        await echoes(client);
        assert.equal(await handshake(t, trouble.server.url + paths[name]), 101);
      });

      test(`${level}, ${name}: the application learns that a message was not stored, and it never goes out`, async (t) => {
        const trouble = await startTrouble(t, { vars: { ...HELD, ...vars } });
        const client = await open(t, trouble);
        await echoes(client, "a");
        await trouble.refuse(OBJECT, APPEND);
        client.send("b");
        await trouble.told.hears(client.id, "refused: storage failed");
        await trouble.refuse(OBJECT);
        await echoes(client, "c");
        await trouble.restart(OBJECT);
        await echoes(client, "d");
        assert.deepEqual(client.messages, ["a", "c", "d"]);
      });
    }
  }
});

for (const [name, { open }] of Object.entries(KINDS)) {
  test(`${name}: a handshake that is refused keeps its status`, async (t) => {
    const url = (server) => server.url + paths[name];
    const full = await startTrouble(t, { vars: { ...HELD, SOCKJS_CONNECTIONS_PER_OBJECT: "1" } });
    const client = await open(t, full);
    await echoes(client);
    assert.equal(await handshake(t, url(full.server)), 503, "the object is full");
    await full.restart(OBJECT);
    await echoes(client);
    assert.deepEqual(livesOf(full, client), ["open", "return"], "whoever comes back is in it");

    const tickets = await startTrouble(t, {
      vars: { ...HELD, ...LEVELS.outbox, SOCKJS_TICKETS: "true", SOCKJS_TICKET_KEYS: "k".repeat(43) },
    });
    assert.equal(await handshake(t, url(tickets.server)), 403, "no ticket");

    const large = await startTrouble(t, { vars: HELD });
    const headers = Object.fromEntries(["referer", "via", "x-client-ip", "x-real-ip", "dnt"].map((header) => [header, "y".repeat(1_000)]));
    assert.equal(await handshake(t, `${url(large.server)}?${"x".repeat(7_500)}`, { headers }), 431, "more than can be kept");
  });
}
