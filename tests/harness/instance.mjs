// Connections to /instance, which answers each message with an id made when the object's handler was made: another id
// means that the object was out of memory in between.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { openPollingSession } from "./polling-session.mjs";
import { openWebSocket } from "./websocket.mjs";

/** Each kind resolves to `{ object, ask, heartbeat }`: the object's name, the id it answers, the frame it sends by itself. */
export const instanceConnections = {
  async websocket(owner, server) {
    const id = randomUUID();
    const socket = await openWebSocket(owner, `${server.url}/instance/000/${id}/websocket`);
    assert.equal(await socket.frames.next("the open frame"), "o");
    return {
      object: `/instance/s/${id}`,
      async ask() {
        socket.send('["?"]');
        return idIn(await socket.frames.next("the id"));
      },
      heartbeat: (ms) => socket.frames.next("a heartbeat", ms),
    };
  },

  /** A poll is always pending: the one that was pending during a silence is the one that gets the answer after it. */
  async "xhr-polling"(owner, server) {
    const session = await openPollingSession(`${server.url}/instance`);
    let poll = await session.pendingPoll(owner);
    const answer = async (ms) => {
      const frame = (await poll.body(ms)).trim();
      poll = await session.pendingPoll(owner);
      return frame;
    };
    return {
      object: `/instance/s/${session.id}`,
      async ask() {
        assert.equal((await session.send(["?"])).status, 204);
        return idIn(await answer());
      },
      heartbeat: answer,
    };
  },
};

function idIn(frame) {
  assert.equal(frame[0], "a", `a message, not ${frame}`);
  const [id] = JSON.parse(frame.slice(1));
  return id;
}
