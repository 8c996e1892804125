// An Upgrade header where none belongs has crashed servers that left the socket to nobody.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { DOORS, UPGRADE } from "../harness/clients/doors.mjs";
import { request, start } from "../harness/clients/http.mjs";
import { openPollingSession } from "../harness/clients/polling-session.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { startServer } from "../harness/servers/server.mjs";

const HEADERS = [
  UPGRADE,
  { ...UPGRADE, Upgrade: "WebSocket, h2c" },
  { ...UPGRADE, Upgrade: "h2c" },
  { ...UPGRADE, Upgrade: "" },
  { ...UPGRADE, Connection: "close" },
  { ...UPGRADE, "Sec-WebSocket-Key": "" },
  { ...UPGRADE, "Sec-WebSocket-Key": "not base64" },
  { ...UPGRADE, "Sec-WebSocket-Version": "0" },
  { ...UPGRADE, "Sec-WebSocket-Protocol": ",,,\u00e9" },
  { ...UPGRADE, "Sec-WebSocket-Extensions": "permessage-deflate; server_max_window_bits=999" },
];
const PATHS = ["", "/info", "/iframe.html", "/nothing", ...Object.values(DOORS).map(({ path }) => `/000/session${path}`), "/websocket"];

test("an Upgrade header at any path, with any method, is answered, and the server and its connections go on", async (t) => {
  const server = await startServer(t);
  const echo = `${server.url}/echo`;
  const socket = await openWebSocket(t, `${echo}/000/${randomUUID()}/websocket`);
  assert.equal(await socket.frames.next("the open frame"), "o");
  const session = await openPollingSession(echo);

  for (const headers of HEADERS) {
    for (const path of PATHS) {
      for (const method of ["GET", "POST", "OPTIONS"]) {
        const connection = await start(echo + path, { method, headers });
        const { status } = await connection.head();
        assert.ok(status < 500 || path.includes("_send"), `${method} ${path}: ${status}`);
        connection.close();
      }
    }
  }
  socket.send('["still here"]');
  assert.equal(await socket.frames.next("the echo"), 'a["still here"]');
  await session.send(["and here"]);
  assert.equal((await session.poll()).body, 'a["and here"]\n');
  assert.equal((await request(echo)).status, 200);
});
