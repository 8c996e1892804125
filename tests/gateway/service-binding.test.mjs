// An upstream that is another Worker, at a service binding.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { configCapnp, text, workerCapnp } from "../../scripts/workerd-capnp.mjs";
import { knock } from "../harness/clients/doors.mjs";
import { RAW, TRANSPORTS, openSession } from "../harness/clients/eager-session.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { until } from "../harness/waiting/wait.mjs";

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
const start = (owner, upstream) => startServer(owner, { layout, vars: { SOCKJS_UPSTREAM: upstream, SOCKJS_LOG: "error" } });

const gates = [
  ["by WebSocket", "/ws", await start({ after }, "service:BACKEND/ws")],
  ["over HTTP", "/events", await start({ after }, "service+http:BACKEND/events")],
];

for (const [how, path, gate] of gates) {
  const service = `${gate.url}/sockjs`;

  for (const transport of [RAW, ...TRANSPORTS]) {
    test(`${transport} reaches it ${how}`, async (t) => {
      const session = await openSession(t, service, transport);
      await session.send(["a", "b"]);
      assert.deepEqual(await session.received(2), [`${path} a`, `${path} b`]);
    });
  }

  test(`it refuses ${how} with a status of its own`, async (t) => {
    const headers = { Authorization: "none" };
    if (path === "/events") {
      const session = await openSession(t, service, "websocket", { socket: { headers } });
      assert.deepEqual(await session.closed(), [4401, "Upstream answered 401"]);
      return;
    }
    for (const door of ["websocket", "raw websocket"]) assert.equal((await knock(service, door, { headers })).status, 401);
  });
}

for (const address of ["service:MISSING/ws", "service+http:MISSING/events"]) {
  test(`a binding that is missing is named in the log: ${address}`, async (t) => {
    let printed = "";
    const { url } = await startServer(t, { layout, vars: { SOCKJS_UPSTREAM: address }, log: (text) => (printed += text) });
    const session = await openSession(t, `${url}/sockjs`, "xhr");
    assert.deepEqual(await session.closed(), [4502, "Upstream cannot be reached"]);
    // Those that the Worker pipes have no session.
    const statuses = address.startsWith("service:") ? [502, 502] : [101, 101];
    const doors = ["websocket", "raw websocket"].map((door) => knock(`${url}/sockjs`, door));
    assert.deepEqual((await Promise.all(doors)).map(({ status }) => status), statuses);
    await until(() => printed.includes("no service binding MISSING"), "the advice");
  });
}
