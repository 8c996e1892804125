// Rooms in which much is said at once: every member that reads hears all of it, in order and once, and stays connected.
// With SOCKJS_FULL (npm run flow) sockjs-node runs the same tests, except for pushes, which it does not have.

import { randomUUID } from "node:crypto";
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { backlog } from "../harness/messages/numbered.mjs";
import { startReference } from "../harness/servers/reference.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { MEMBER_TRANSPORTS, apart, converse, inOne, inTurn, openMember, openMembers, silence } from "./members.mjs";
import { push } from "./push.mjs";

const KIB = 1024;
const MIB = 1024 * KIB;
/** protocol/src/service/options/table.rs. */
const QUEUE_LIMIT = MIB;

/** Numbers and sizes of messages that one WebSocket message or body brings, by who hears them. */
const CROWDED_BODIES = {
  "a member of each transport": { members: MEMBER_TRANSPORTS, bodies: [[20_000, 6], [5000, 40], [60_000, 1], [1500, 1000]] },
  "30 members": {
    members: { websocket: 10, "websocket-raw": 5, xhr_streaming: 10, xhr: 5 },
    bodies: [[5000, 40], [1500, 1000]],
  },
};
const SENDERS_OF_BODIES = ["websocket", "xhr"];

/** Numbers and sizes of WebSocket messages that are sent at once, and the transports of the one other member. */
const BURSTS = [
  [1100, 1000, MEMBER_TRANSPORTS],
  [3000, 300, ["xhr_streaming", "xhr", "jsonp"]],
  [6000, 1000, MEMBER_TRANSPORTS],
];

/** Rooms in which several talk at once: who sends and who only listens, by transport; how many messages of which size each. */
const CONVERSATIONS = {
  "20 members, three of them over xhr-streaming": {
    senders: { websocket: 17, xhr_streaming: 3 },
    count: 100,
    size: KIB,
  },
  "20 members over all transports": {
    senders: { websocket: 6, "websocket-raw": 4, xhr_streaming: 4, xhr: 3, eventsource: 1, htmlfile: 1, jsonp: 1 },
    listeners: MEMBER_TRANSPORTS,
    count: 250,
    size: 500,
  },
  "two members": { senders: ["websocket", "xhr"], count: 3000, size: KIB },
  "five senders of large messages": {
    senders: { websocket: 3, xhr_streaming: 1, xhr: 1 },
    listeners: MEMBER_TRANSPORTS,
    count: 40,
    size: 30 * KIB,
  },
  "50 senders of small messages": { senders: { websocket: 30, "websocket-raw": 20 }, listeners: ["xhr"], count: 80, size: 12 },
};
/** Messages in one body. */
const BODY = 10;

const LARGE_ROOM = { websocket: 79, "websocket-raw": 40, xhr_streaming: 50, xhr: 30 };
/** Numbers and sizes of messages to the large room. */
const LARGE_BURSTS = [
  [2000, 200],
  [700, 1000],
];
/** Smaller than a burst. */
const SMALL_QUEUES = { SOCKJS_QUEUE_LIMIT: String(256 * KIB), SOCKJS_MESSAGE_LIMIT: String(128 * KIB) };

/** The longest patience, so that no machine is so slow that a member which reads is too slow for its room. */
const PATIENT = { SOCKJS_ROOM_PATIENCE: "20000" };

const SERVERS = {
  "this server": (t, vars) => startServer(t, { vars: { ...PATIENT, ...vars } }),
  ...(process.env.SOCKJS_FULL && { "sockjs-node": startReference }),
};

for (const [name, start] of Object.entries(SERVERS)) {
  describe(name, () => {
    for (const [who, { members, bodies }] of Object.entries(CROWDED_BODIES)) {
      for (const [count, size] of bodies) {
        for (const transport of SENDERS_OF_BODIES) {
          test(`${count} messages of ${size} bytes, in one body over ${transport}, reach ${who}`, async (t) => {
            const { url } = await start(t);
            const listeners = await openMembers(t, url, members);
            const sender = await openMember(t, url, transport);
            await converse([sender, ...listeners], [{ sender, messages: backlog(count, size), way: inOne }]);
          });
        }
      }
    }

    for (const [count, size, transports] of BURSTS) {
      const messages = backlog(count, size);
      for (const transport of transports) {
        test(`${transport}: ${count} WebSocket messages of ${size} bytes, sent at once, reach the other of two`, async (t) => {
          const { url } = await start(t);
          const sender = await openMember(t, url, "websocket");
          const listener = await openMember(t, url, transport);
          await converse([sender, listener], [{ sender, messages, way: apart }]);
        });
      }
    }

    for (const [who, { senders, listeners = [], count, size }] of Object.entries(CONVERSATIONS)) {
      test(`${who}: each sends ${count} messages of ${size} bytes, and everybody gets those of each in order`, async (t) => {
        const { url } = await start(t);
        const sending = await openMembers(t, url, senders);
        const listening = await openMembers(t, url, listeners);
        const talks = sending.map((sender, number) => ({ sender, messages: signed(number, count, size), way: inTurn(BODY) }));
        await converse([...sending, ...listening], talks);
      });
    }

    for (const [count, size] of LARGE_BURSTS) {
      test(`200 members: ${count} messages of ${size} bytes, sent at once, reach everybody`, async (t) => {
        const { url } = await start(t, SMALL_QUEUES);
        const members = await openMembers(t, url, LARGE_ROOM);
        const sender = await openMember(t, url, "websocket");
        await converse([sender, ...members], [{ sender, messages: backlog(count, size), way: apart }]);
      });
    }
  });
}

describe("pushes of this server", () => {
  const TOKEN = randomUUID();
  const [CHAINS, EACH, SIZE] = [8, 250, KIB];
  const pushes = (url) =>
    Array.from({ length: CHAINS }, (_, number) => {
      const sender = { send: ([message]) => push(url, TOKEN, message) };
      return { sender, messages: signed(number, EACH, SIZE), way: inTurn(1) };
    });

  test("2,000 pushes of 1 KiB, as fast as they are answered, reach members of each transport", async (t) => {
    const { url } = await startServer(t, { vars: { ...PATIENT, SOCKJS_PUSH_TOKENS: TOKEN } });
    const members = await openMembers(t, url, MEMBER_TRANSPORTS);
    await converse(members, pushes(url));
  });

  for (const transport of ["xhr", "jsonp"]) {
    test(`${transport}: pushes wait for a member that does not poll for a while, and it gets them all`, async (t) => {
      const { url } = await startServer(t, { vars: { ...PATIENT, SOCKJS_PUSH_TOKENS: TOKEN } });
      const late = await openMember(t, url, transport, { isPaused: true });
      const others = await openMembers(t, url, ["websocket", "xhr_streaming"]);
      const heard = converse([late, ...others], pushes(url));
      await silence(others, heard);
      for (const { heard } of others) assert.ok(heard * SIZE <= QUEUE_LIMIT, `${heard} pushed before it polled`);
      late.resume();
      await heard;
    });
  }
});

/** Messages that begin with the number of their sender. */
function signed(sender, count, size) {
  return backlog(count, size - `${sender} `.length).map((message) => `${sender} ${message}`);
}
