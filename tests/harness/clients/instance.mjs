// Connections to /instance, which answers each message with an id made when the object's handler was made: another id
// means that the object was out of memory in between.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { openPollingSession } from "./polling-session.mjs";
import { openWebSocket } from "./websocket.mjs";

/** Each resolves to `{ object, send, next }`: the object's name, a function that asks, the next frame that comes. */
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

  /** A poll is always pending: the one that was pending during a silence is the one that gets the answer after it. */
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

/** The id that the object answers, whatever heartbeats come before. */
export async function askInstance(connection) {
  await connection.send();
  let frame;
  do frame = await connection.next();
  while (frame === "h");
  const [id] = /^a\["(\w+)"\]$/.exec(frame)?.slice(1) ?? assert.fail(`no message: ${frame}`);
  return id;
}
