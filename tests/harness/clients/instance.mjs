// Connections to /instance, which answers each message with an id of the object's handler: another id means that the object was
// out of memory in between.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { openPollingSession } from "./polling-session.mjs";
import { openWebSocket } from "./websocket.mjs";

/** Each resolves to `{ object, send, next }`: the object's name, a function that asks, and one that waits for the next frame. */
export const instanceConnections = {
  async websocket(owner, server) {
    const id = randomUUID();
    const socket = await openWebSocket(owner, `${server.url}/instance/000/${id}/websocket`);
    assert.equal(await socket.frames.next("the open frame"), "o");
    return {
      object: `/instance//session/${id}`,
      send: () => socket.send('["?"]'),
      next: () => socket.frames.next("a frame"),
    };
  },

  /** A poll is always pending: the answer after a silence comes to the poll that was pending during it. */
  async "xhr-polling"(owner, server) {
    const session = await openPollingSession(`${server.url}/instance`);
    let poll = await session.pendingPoll(owner);
    return {
      object: `/instance//session/${session.id}`,
      send: async () => assert.equal((await session.send(["?"])).status, 204),
      async next() {
        const frame = (await poll.body()).trim();
        poll = await session.pendingPoll(owner);
        return frame;
      },
    };
  },
};

/** Returns the id that the object answers, and skips heartbeats. */
export async function askInstance(connection) {
  await connection.send();
  let frame;
  do frame = await connection.next();
  while (frame === "h");
  const [id] = /^a\["(\w+)"\]$/.exec(frame)?.slice(1) ?? assert.fail(`no message: ${frame}`);
  return id;
}
