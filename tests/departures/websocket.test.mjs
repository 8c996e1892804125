// The application's callbacks when the client of a WebSocket leaves without closing it.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { start } from "../harness/clients/http.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { startWitness } from "../harness/servers/witness.mjs";

const UPGRADE = {
  Connection: "Upgrade",
  Upgrade: "websocket",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
};
const LOST = /^close: Client \{ code: 1006, /;

const quiet = await startWitness({ after }, { SOCKJS_HEARTBEAT_DELAY: "34000" });
const beating = await startWitness({ after }, { SOCKJS_HEARTBEAT_DELAY: "1000" });

/** A WebSocket by hand: its upgrade, and the open frame read, a text of one letter. */
async function open(t, witness) {
  const id = randomUUID();
  const connection = await start(`${witness.url}/000/${id}/websocket`, { headers: UPGRADE });
  t.after(() => connection.close());
  assert.equal((await connection.head()).status, 101);
  assert.equal((await connection.bytes(3)).toString("latin1"), "\x81\x01o");
  const told = witness.told(id);
  assert.equal(await told.next("on_open"), "open");
  return { connection, told };
}

test("a client that leaves by RST is gone at once", async (t) => {
  const { connection, told } = await open(t, quiet);
  connection.reset();
  assert.match(await told.next("on_close"), LOST);
});

test("a client that leaves by FIN, without a close frame, is gone at once", async (t) => {
  const { connection, told } = await open(t, quiet);
  connection.close();
  assert.match(await told.next("on_close"), LOST);
});

// Nothing asks for a sign of life: SockJS has none to ask for, and the runtime sends no pings.
test("of a client that is silent nothing is told", async (t) => {
  const { connection, told } = await open(t, beating);
  connection.pause();
  const other = await openWebSocket(t, `${beating.url}/000/${randomUUID()}/websocket`);
  for (const frame of ["o", "h", "h", "h"]) assert.equal(await other.frames.next(`frame ${frame}`), frame);
  assert.equal(told.length, 0);
});
