// One room with a thousand connections over mixed transports.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { Session } from "../harness/clients/session.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { startServer } from "../harness/servers/server.mjs";

/** The most are WebSockets, as in life; each of the others holds a TCP connection to the end, too. */
const CONNECTIONS = { websocket: 600, "websocket-raw": 100, xhr_streaming: 60, eventsource: 60, htmlfile: 60, xhr: 60, jsonp: 60 };
const AT_ONCE = 50;
const ROUNDS = 5;

const server = await startServer({ after });
const room = `${server.url}/broadcast`;

/** A member: `next()` gives the next messages that it got, `send` sends. */
const OPEN = {
  async websocket(t) {
    const socket = await openWebSocket(t, `${room}/000/${randomUUID()}/websocket`);
    assert.equal(await socket.frames.next("the open frame"), "o");
    return {
      next: async () => JSON.parse((await nextFrame(socket.frames)).slice(1)),
      send: (message) => socket.send(JSON.stringify([message])),
    };
  },
  async "websocket-raw"(t) {
    const socket = await openWebSocket(t, `${room}/websocket`);
    return { next: async () => [await socket.frames.next("a message", 60_000)], send: (message) => socket.send(message) };
  },
};

async function nextFrame(frames) {
  for (;;) {
    const frame = await frames.next("a frame", 60_000);
    if (frame !== "h") return frame;
  }
}

async function openSession(t, segment) {
  const session = new Session(t, room, segment);
  assert.equal(await session.next(60_000), "o");
  return {
    async next() {
      for (;;) {
        const frame = await session.next(60_000);
        if (frame !== "h") return JSON.parse(frame.slice(1));
      }
    },
    send: (message) => session.send(message),
  };
}

test("a broadcast reaches all of a thousand, in order per sender", async (t) => {
  const members = [];
  for (const [transport, count] of Object.entries(CONNECTIONS)) {
    for (let opened = 0; opened < count; opened += AT_ONCE) {
      const batch = Array.from({ length: Math.min(AT_ONCE, count - opened) }, () => (OPEN[transport] ?? openSession)(t, transport));
      members.push(...(await Promise.all(batch)));
    }
  }
  assert.equal(members.length, 1_000);

  const senders = [members[0], members[650], members.at(-1)];
  const expected = ROUNDS * senders.length;
  const received = Promise.all(members.map((member) => collect(member, expected)));
  for (let round = 0; round < ROUNDS; round++) {
    await Promise.all(senders.map((sender, name) => sender.send(`${name}:${round}`)));
  }
  for (const messages of await received) {
    for (const name of senders.keys()) {
      const own = messages.filter((message) => message.startsWith(`${name}:`));
      assert.deepEqual(own, Array.from({ length: ROUNDS }, (_, round) => `${name}:${round}`));
    }
  }
});

async function collect(member, count) {
  const messages = [];
  while (messages.length < count) messages.push(...(await member.next()));
  assert.equal(messages.length, count);
  return messages;
}
