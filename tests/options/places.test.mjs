// In which jurisdiction, and where, the Worker wants its objects. No runtime but the platform's own knows places, so a module
// around the Worker stands in for it.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { request } from "../harness/clients/http.mjs";
import { openPollingSession } from "../harness/clients/polling-session.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { startServer } from "../harness/servers/server.mjs";

const entry = [fileURLToPath(new URL("places-entry.mjs", import.meta.url))];
const TOKEN = "a token of at least thirty-two characters";
const somewhere = { SOCKJS_JURISDICTION: "eu", SOCKJS_LOCATION_HINT: "weur", SOCKJS_PUSH_TOKENS: TOKEN };
const placed = await startServer({ after }, { entry, vars: somewhere });
const anywhere = await startServer({ after }, { entry });

async function use(t, { url }) {
  const session = await openPollingSession(`${url}/echo`);
  assert.equal((await session.send(["a"])).status, 204);
  assert.equal((await session.poll()).body, 'a["a"]\n');
  const socket = await openWebSocket(t, `${url}/echo/000/${session.id}/websocket`);
  assert.equal(await socket.frames.next("the open frame"), "o");
}

/** Each object that was asked for, as the namespace was asked. */
async function asked({ url }) {
  return JSON.parse((await request(`${url}/.asked`)).body);
}

test("polls, sends and WebSockets ask for objects in the jurisdiction, with the hint", async (t) => {
  await use(t, placed);
  const objects = await asked(placed);
  assert.equal(objects.length, 4);
  for (const { jurisdiction, options } of objects) {
    assert.deepEqual({ jurisdiction, options }, { jurisdiction: "eu", options: { locationHint: "weur" } });
  }
});

test("what is pushed to a room goes to its object in the jurisdiction", async () => {
  const earlier = (await asked(placed)).length;
  const push = { room: "/broadcast", message: "a" };
  const headers = { Authorization: `Bearer ${TOKEN}`, "Content-Type": "application/json" };
  const { status, body } = await request(`${placed.url}/push`, { method: "POST", headers, body: JSON.stringify(push) });
  assert.equal(status, 200, body);
  const [{ jurisdiction, name }, ...more] = (await asked(placed)).slice(earlier);
  assert.deepEqual([jurisdiction, more], ["eu", []]);
  assert.match(name, /broadcast/);
});

test("without the options the namespace is asked as it is", async (t) => {
  await use(t, anywhere);
  const objects = await asked(anywhere);
  assert.equal(objects.length, 4);
  for (const { jurisdiction, options } of objects) assert.deepEqual([jurisdiction, options], [null, null]);
});
