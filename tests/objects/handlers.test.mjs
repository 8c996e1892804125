// Handlers that wait, in one object.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { openPollingSession } from "../harness/clients/polling-session.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { startServer } from "../harness/servers/server.mjs";

const server = await startServer({ after });
const sleeper = `${server.url}/sleeper`;

/** Resolves to the next `count` messages, however many come in a frame. */
async function collect(next, count) {
  const messages = [];
  while (messages.length < count) {
    const frame = (await next()).trim();
    if (frame.startsWith("a")) messages.push(...JSON.parse(frame.slice(1)));
  }
  return messages;
}

const clients = {
  async websocket(t) {
    const socket = await openWebSocket(t, `${sleeper}/000/${randomUUID()}/websocket`);
    assert.equal(await socket.frames.next("the open frame"), "o");
    return { send: (messages) => messages.forEach((message) => socket.send(JSON.stringify(message))), next: () => socket.frames.next() };
  },
  async "xhr-polling"() {
    const session = await openPollingSession(sleeper);
    // In one body, which is answered when the first second is over, or all is done.
    const send = async (messages) => assert.equal((await session.send(messages)).status, 204);
    return { send, next: async () => (await session.poll()).body };
  },
};

for (const [kind, connect] of Object.entries(clients)) {
  test(`${kind}: handlers of one connection never overlap, keep order while they wait, and let others go on`, async (t) => {
    const slow = await connect(t);
    const quick = await connect(t);
    const held = randomUUID();
    const sent = [slow.send([`hold ${held}`, "1 b"])];
    assert.deepEqual(await collect(slow.next, 1), [`begin ${held}`]);
    sent.push(slow.send(["50 c", "0 d"]));
    await quick.send(["0 x"]);
    assert.deepEqual(await collect(quick.next, 2), ["begin x", "end x"]);
    await quick.send([`release ${held}`]);
    const rest = ["b", "c", "d"].flatMap((name) => [`begin ${name}`, `end ${name}`]);
    assert.deepEqual(await collect(slow.next, 7), [`end ${held}`, ...rest]);
    await Promise.all(sent);
  });
}
