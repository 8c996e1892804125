// A half of the previous build, from a recording, as the other half of this one. `npm run versions` has the real one.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { request } from "../harness/clients/http.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { converse } from "./conversation.mjs";
import { entryLayout } from "./layout.mjs";

const RECORDED = JSON.parse(readFileSync(new URL("recorded.json", import.meta.url), "utf8"));

test("an object answers a Worker of the previous build as that build's objects did", async (t) => {
  const server = await startServer(t, { layout: entryLayout("worker-entry.mjs") });
  const played = await control(server, { method: "POST", body: JSON.stringify(RECORDED) });
  assert.deepEqual(played, RECORDED.exchanges);
});

test("a Worker asks an object of the previous build as that build's Worker did, after one refusal for each command", async (t) => {
  const server = await startServer(t, { layout: entryLayout("object-entry.mjs") });
  await control(server, { method: "POST", body: JSON.stringify(RECORDED) });
  assert.deepEqual(await converse(t, server.url), RECORDED.frames);
  const played = await control(server);
  const [refused, taken] = [3, 2].map((version) => played.filter(({ command }) => JSON.parse(command).version === version));
  const asked = ({ object, command, requestBody, toObject, closedByWorker }) => {
    return JSON.stringify({ object, command: command.replace(NAMES, '"$1":0'), requestBody, toObject, closedByWorker });
  };
  assert.deepEqual(taken.map(asked).sort(), RECORDED.exchanges.map(asked).sort());
  assert.equal(refused.length, taken.length);
});

/** Each send and each receiver has a random number. */
const NAMES = /"(id|receiver)":\d+/g;

async function control(server, options) {
  const { status, body } = await request(`http://127.0.0.1:${server.ports.control}/`, options);
  assert.equal(status, 200, body);
  return JSON.parse(body);
}
