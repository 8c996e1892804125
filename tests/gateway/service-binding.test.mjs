// An upstream that is another Worker, at a service binding.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { configCapnp, text, workerCapnp } from "../../scripts/workerd-capnp.mjs";
import { knock } from "../harness/clients/doors.mjs";
import { RAW, TRANSPORTS, openSession } from "../harness/clients/eager-session.mjs";
import { startServer } from "../harness/servers/server.mjs";

const BACKEND = fileURLToPath(new URL("backend.mjs", import.meta.url));

const layout = {
  modules: [BACKEND],
  sockets: ["http"],
  capnp({ address, objects, ...gate }) {
    const backend = `(
      modules = [(name = "backend.mjs", esModule = embed "backend.mjs")],
      compatibilityDate = ${text(gate.compatibilityDate)},
    )`;
    const http = { name: "http", address, service: text("gate") };
    const bound = workerCapnp(gate).replace("bindings = [", '$&\n    (name = "BACKEND", service = "backend"),');
    return configCapnp({ workers: { gate: bound, backend }, sockets: [http], objects });
  },
};
const server = await startServer({ after }, { layout, vars: { SOCKJS_UPSTREAM: "service:BACKEND/ws", SOCKJS_LOG: "error" } });
const service = `${server.url}/sockjs`;

for (const transport of [RAW, ...TRANSPORTS]) {
  test(`${transport} reaches it`, async (t) => {
    const session = await openSession(t, service, transport);
    await session.send(["a", "b"]);
    assert.deepEqual(await session.received(2), ["/ws a", "/ws b"]);
  });
}

test("it refuses with a status of its own", async () => {
  for (const door of ["websocket", "raw websocket"]) {
    assert.equal((await knock(service, door, { headers: { Authorization: "none" } })).status, 401);
  }
});
