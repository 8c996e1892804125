// The option `log`: one line of JSON for each event, and no events below the level.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { request } from "../harness/clients/http.mjs";
import { PollingSession } from "../harness/clients/polling-session.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { byLines } from "../harness/waiting/lines.mjs";
import { until } from "../harness/waiting/wait.mjs";

/** Opens, is refused and fails; gives the lines that the server logged of that, at least `count`. */
async function trouble(t, level, count) {
  const lines = [];
  const vars = { SOCKJS_LOG: level, SOCKJS_MESSAGE_LIMIT: "100" };
  const server = await startServer(t, { vars, log: byLines((line) => lines.push(line)) });
  const socket = await openWebSocket(t, `${server.url}/trouble/000/${randomUUID()}/websocket`);
  assert.equal(await socket.frames.next("the open frame"), "o");
  assert.equal((await new PollingSession(`${server.url}/trouble`).send(["x"])).status, 404);
  socket.send(JSON.stringify([JSON.stringify({ fail: {} })]));
  assert.equal((await socket.closed).code, 1000);
  const logged = () => lines.filter((line) => line.includes('"sockjs"'));
  // The service logs the end, too, and after this server; but errors come on a stream of their own.
  const isOver = () => lines.some((line) => line.includes('"trouble":"closed"')) && logged().length >= count;
  await until(isOver, "the end to be logged");
  return logged().map((line) => JSON.parse(line));
}

const EVENTS = {
  none: [],
  error: ["handler"],
  warn: ["handler"],
  info: ["opened", "refused", "handler", "closed"],
  debug: ["opened", "request", "refused", "request", "handler", "closed"],
};

describe("events are logged", { concurrency: true }, () => {
  for (const [level, events] of Object.entries(EVENTS)) {
    test(`with log ${level}: ${events.join(", ") || "nothing"}`, async (t) => {
      const lines = await trouble(t, level, events.length);
      assert.deepEqual(lines.map(({ sockjs }) => sockjs).sort(), events.toSorted());
    });
  }

  test("with what tells them apart", async (t) => {
    const lines = await trouble(t, "debug", EVENTS.debug.length);
    const line = (event) => lines.find(({ sockjs }) => sockjs === event);
    const { connection } = line("opened");
    assert.match(connection, /^[0-9a-f-]{36}$/);
    const what = { service: "/trouble", transport: "websocket", connection };
    assert.deepEqual(line("opened"), { sockjs: "opened", level: "info", ...what });
    const { open_ms, ...closed } = line("closed");
    assert.deepEqual(closed, { sockjs: "closed", level: "info", ...what, by: "handler", code: 1011 });
    assert.ok(open_ms >= 0);
    assert.deepEqual(line("refused"), { sockjs: "refused", level: "info", service: "/trouble", reason: "unknown_session" });
    assert.deepEqual(Object.keys(line("handler")), ["sockjs", "level", "service", "problem"]);
    const { path, ...request } = lines.find(({ sockjs, method }) => sockjs === "request" && method === "POST");
    assert.deepEqual(request, { sockjs: "request", level: "debug", method: "POST", status: 404 });
    assert.match(path, /^\/trouble\/000\/[0-9a-f-]{36}\/xhr_send$/);
  });

  test("by the Worker, too, with the connection that it is about", async (t) => {
    const lines = [];
    const entry = [fileURLToPath(new URL("garbled-entry.mjs", import.meta.url))];
    const server = await startServer(t, { entry, log: byLines((line) => lines.push(line)) });
    await request(`${server.url}/echo/000/${randomUUID()}/xhr_streaming`, { method: "POST" });
    await until(() => lines.some((line) => line.includes('"envelope"')), "the line");
    const { problem, ...line } = JSON.parse(lines.find((line) => line.includes('"envelope"')));
    assert.deepEqual(line, { sockjs: "envelope", level: "warn", service: "/echo", connection: "its-id" });
    assert.match(problem, /version/);
  });
});
