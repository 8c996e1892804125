// Another Worker opens WebSockets over a service binding: there is no handshake on a wire, and so no key and no version.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { configCapnp, text, workerCapnp } from "../../scripts/workerd-capnp.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { startServer } from "../harness/servers/server.mjs";

const FRONT = fileURLToPath(new URL("front.mjs", import.meta.url));

/** `front` has the socket, `chat` the services. */
const layout = {
  modules: [FRONT],
  sockets: ["http"],
  capnp({ address, objects, ...chat }) {
    const front = `(
      modules = [(name = "front.mjs", esModule = embed "front.mjs")],
      compatibilityDate = ${text(chat.compatibilityDate)},
      bindings = [(name = "CHAT", service = "chat")],
    )`;
    const http = { name: "http", address, service: text("front") };
    return configCapnp({ workers: { front, chat: workerCapnp(chat) }, sockets: [http], objects });
  },
};
const server = await startServer({ after }, { layout });

for (const [path, sent, frames] of [
  ["/echo/000/s/websocket", '["a"]', ["o", 'a["a"]']],
  ["/echo/websocket", "a", ["a"]],
]) {
  test(`env.CHAT.fetch(${path}) with nothing but Upgrade opens a WebSocket`, async (t) => {
    const socket = await openWebSocket(t, `${server.url}${path}`);
    socket.send(sent);
    for (const frame of frames) assert.equal(await socket.frames.next(), frame);
  });
}
