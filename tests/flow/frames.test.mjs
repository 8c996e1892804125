// Common WebSocket clients close the connection at a large frame: Tomcat's at 8 KiB, Go's at 32 KiB. So a frame that joins
// messages stays small, and a large message goes alone.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { openSession } from "../harness/clients/eager-session.mjs";
import { assertComplete, backlog } from "../harness/messages/numbered.mjs";
import { startReference } from "../harness/servers/reference.mjs";
import { startServer } from "../harness/servers/server.mjs";

/** protocol/src/service/options/table.rs. */
const FRAME_LIMIT = 4096;
/** Largest frame that Tomcat's client takes. */
const MAX_PAYLOAD = 8192;

/** Messages that are sent at once, apart or in one. */
const BURSTS = {
  "5,000 messages of 10 bytes": backlog(5000, 10),
  "300 messages of 1,000 bytes": backlog(300, 1000),
  "100 messages of 3,000 bytes": backlog(100, 3000),
  "100 messages of 5,000 bytes": backlog(100, 5000),
  "40 messages of 60,000 bytes": backlog(40, 60_000),
  // An emoji has four bytes in a message, and twelve in a frame.
  "300 messages of 200 emoji": backlog(300, 800, "😀"),
  "messages of all sizes": backlog(400, 6000).map((message, number) => message.slice(0, 5 + ((number * 389) % 6000))),
};
/** Numbers and sizes of messages that fit into a frame of 8 KiB. */
const SMALL_BURSTS = [
  [5000, 20],
  [300, 1000],
  [100, 5000],
];

const WAYS = {
  "each by itself": (session, messages) => session.sendApart(messages),
  "100 in each WebSocket message": (session, messages) => {
    for (let at = 0; at < messages.length; at += 100) session.send(messages.slice(at, at + 100));
  },
  "all in one WebSocket message": (session, messages) => session.send(messages),
};

const servers = {
  "this server": await startServer({ after }),
  "sockjs-node": await startReference({ after }),
};

for (const [name, server] of Object.entries(servers)) {
  const open = (t, service, transport, socket) => openSession(t, `${server.url}/${service}`, transport, { socket });

  describe(name, () => {
    for (const [what, messages] of Object.entries(BURSTS)) {
      for (const [how, send] of Object.entries(WAYS)) {
        test(`${what}, ${how}: a frame that joins messages has at most 4 KiB`, async (t) => {
          const session = await open(t, "echo", "websocket");
          send(session, messages);
          assertComplete(await session.received(messages.length), messages);
          const joined = session.frames.filter((frame) => frame.startsWith("a") && JSON.parse(frame.slice(1)).length > 1);
          const largest = Math.max(0, ...joined.map((frame) => Buffer.byteLength(frame)));
          assert.ok(largest <= FRAME_LIMIT, `${largest} bytes`);
        });
      }
    }

    for (const [count, size] of SMALL_BURSTS) {
      const messages = backlog(count, size);
      for (const [how, send] of Object.entries(WAYS)) {
        test(`${count} messages of ${size} bytes, ${how}: a client of frames up to 8 KiB gets its echo`, async (t) => {
          const session = await open(t, "echo", "websocket", { maxPayload: MAX_PAYLOAD });
          send(session, messages);
          await assertGets(session, messages, session);
        });

        test(`${count} messages of ${size} bytes, ${how}: a listener of frames up to 8 KiB gets them all`, async (t) => {
          const listener = await open(t, "broadcast", "websocket", { maxPayload: MAX_PAYLOAD });
          const sender = await open(t, "broadcast", "websocket");
          send(sender, messages);
          await assertGets(listener, messages, sender);
        });
      }

      test(`${count} messages of ${size} bytes in one xhr_send: a listener of frames up to 8 KiB gets them all`, async (t) => {
        const listener = await open(t, "broadcast", "websocket", { maxPayload: MAX_PAYLOAD });
        const sender = await open(t, "broadcast", "xhr_streaming");
        await sender.send(messages);
        await assertGets(listener, messages, sender);
      });
    }

    test("20 senders at once: a listener of frames up to 8 KiB gets all that they broadcast, in order", async (t) => {
      const [count, messages] = [50, backlog(1000, 1000)];
      const listener = await open(t, "broadcast", "websocket", { maxPayload: MAX_PAYLOAD });
      const senders = await Promise.all(Array.from({ length: 20 }, () => open(t, "broadcast", "websocket")));
      const ofSender = (at) => messages.slice(at * count, (at + 1) * count);
      for (const [at, sender] of senders.entries()) sender.sendApart(ofSender(at));
      const received = await listener.received(messages.length);
      for (const at of senders.keys()) {
        const its = received.filter((message) => Math.floor(Number.parseInt(message) / count) === at);
        assertComplete(its, ofSender(at));
      }
      await assertGets(listener, [...received], senders[0]);
    });
  });
}

/** Checks that a session gets these messages, and then one more that `sender` sends. */
async function assertGets(session, messages, sender) {
  await sender.send(["the end"]);
  const expected = [...messages, "the end"];
  assertComplete(await session.received(expected.length), expected);
}
