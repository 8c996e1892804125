// An object whose connections are over keeps nothing, so that it costs nothing.

import { test } from "node:test";
import { openPollingSession } from "../harness/clients/polling-session.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { storageEmpties } from "../harness/servers/storage.mjs";

const HASTY = { vars: { SOCKJS_DISCONNECT_DELAY: "1000", SOCKJS_HEARTBEAT_DELAY: "1000" } };

for (const [how, body] of Object.entries({
  "closed by the service": async (t, server) => {
    await openPollingSession(`${server.url}/close`);
  },
  "abandoned by its client": async (t, server) => {
    await openPollingSession(`${server.url}/echo`);
  },
  "abandoned with messages waiting": async (t, server) => {
    const session = await openPollingSession(`${server.url}/echo`);
    await session.send(["a"]);
  },
  "interrupted in a poll": async (t, server) => {
    const session = await openPollingSession(`${server.url}/echo`);
    (await session.pendingPoll(t)).reset();
  },
  "over, that had a WebSocket": async (t, server) => {
    const socket = await openWebSocket(t, `${server.url}/echo/000/s/websocket`);
    await socket.frames.next("the open frame");
    await socket.frames.next("a heartbeat");
    socket.close();
  },
})) {
  test(`no row and no alarm stays of a connection that is ${how}`, async (t) => {
    const server = await startServer(t, HASTY);
    await body(t, server);
    await storageEmpties(server.objects);
  });
}
