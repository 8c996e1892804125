// Members of a room that read slowly. The room waits for one up to its patience. A member that goes on reading loses nothing; one
// that does not is closed with 1013, and the others hear everything. sockjs-node waits for nobody and keeps all in memory.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { backlog } from "../harness/messages/numbered.mjs";
import { startSlowProxy } from "../harness/proxies/slow-proxy.mjs";
import { startReference } from "../harness/servers/reference.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { until } from "../harness/waiting/wait.mjs";
import { MEMBER_TRANSPORTS, apart, converse, inStep, inTurn, openMember, openMembers, paced } from "./members.mjs";

const KIB = 1024;
const MIB = 1024 * KIB;

const SIZE = 16 * KIB;
const BATCH = 4;
/** A quarter of queue_limit: no member that reads falls behind, however slow the machine is. */
const IN_STEP = (256 * KIB) / SIZE;
/** A quarter of inbox_limit. Over HTTP the server holds the sends of a sender that is ahead. */
const AHEAD = (2 * MIB) / SIZE;

/** The ways in which a member sends to a room with slow readers: its transport, and its lead over the readers. */
const SENDING = {
  "in step with the others": { transport: "websocket", way: inStep(BATCH, IN_STEP) },
  "in step with the others, over xhr": { transport: "xhr", way: inStep(BATCH, IN_STEP) },
  "at full speed": { transport: "websocket", way: paced(BATCH, AHEAD) },
  "at full speed, over xhr": { transport: "xhr", way: inTurn(BATCH) },
};

const FAST = ["websocket", "xhr_streaming", "xhr"];
/** Several times the queue. */
const BURST = backlog(6000, 1000);

/**
 * By what holds it back, in bytes: what may wait for a member that does not read; what is more than that for sure; and what a
 * slow member reads until it becomes fast, and in which time. Of a response the kernel gets response_limit at most, of a socket
 * all that its buffers hold.
 */
const KINDS = {
  response: { held: 2 * MIB, offered: 4 * MIB, readSlowly: MIB, bitsPerSecond: 8_000_000 },
  socket: { held: 12 * MIB, offered: 18 * MIB, readSlowly: 6 * MIB, bitsPerSecond: 24_000_000 },
};
const IN_ONE_RESPONSE = { SOCKJS_RESPONSE_LIMIT: String(100 * MIB) };

/** Slow members by name: the transport, its kind, and variables of the server. */
const SLOW = {
  websocket: { transport: "websocket", kind: "socket" },
  "websocket-raw": { transport: "websocket-raw", kind: "socket" },
  xhr_streaming: { transport: "xhr_streaming", kind: "response" },
  "xhr_streaming, in one response": { transport: "xhr_streaming", kind: "socket", vars: IN_ONE_RESPONSE },
  eventsource: { transport: "eventsource", kind: "response" },
  htmlfile: { transport: "htmlfile", kind: "response" },
  xhr: { transport: "xhr", kind: "response" },
  jsonp: { transport: "jsonp", kind: "response" },
};
const OTHERS = ["websocket", "websocket-raw", "xhr_streaming", "xhr"];

/** Patience of a room, in milliseconds: soon used up, and the longest. */
const IMPATIENT = { SOCKJS_ROOM_PATIENCE: "1500" };
const PATIENT = { SOCKJS_ROOM_PATIENCE: "20000" };

/**
 * With SOCKJS_FULL (npm run flow) members of all transports stop reading under each way to send. At full speed that needs a
 * machine on which the others catch up within 250 ms: once its patience is used up, a room waits no longer than that for a member.
 */
const SENDING_TO_ALL = process.env.SOCKJS_FULL ? Object.keys(SENDING) : ["in step with the others"];

/** Servers, and the end of a member that never reads. With SOCKJS_FULL (npm run flow) the reference runs the same. */
const SERVERS = {
  "this server": { start: startServer, end: [1013, "Too slow"] },
  ...(process.env.SOCKJS_FULL && { "sockjs-node": { start: startReference, end: undefined } }),
};

for (const [name, { start, end }] of Object.entries(SERVERS)) {
  /** sockjs-node's test services have no variables. */
  const slow = Object.entries(SLOW).filter(([, { vars }]) => start === startServer || !vars);

  describe(name, () => {
    for (const [who, { transport, kind, vars }] of slow) {
      test(`${who}: the others hear all in spite of a member that does not read, sent in step with the others`, async (t) => {
        const stalled = { transports: [transport], offered: KINDS[kind].offered, vars, end };
        await assertStalls(t, start, stalled, SENDING["in step with the others"]);
      });

      test(`${who}: a member that reads slowly for a while is waited for, and loses nothing`, async (t) => {
        const { url } = await start(t, { vars: { ...vars, ...PATIENT } });
        await assertWaits(t, url, transport, KINDS[kind], start === startServer);
      });
    }

    for (const how of SENDING_TO_ALL) {
      test(`all transports: the others hear all in spite of members that do not read, sent ${how}`, async (t) => {
        await assertStalls(t, start, { transports: MEMBER_TRANSPORTS, offered: KINDS.socket.offered, end }, SENDING[how]);
      });
    }

    for (const transport of FAST) {
      test(`${transport}: a member that reads as fast as it can loses nothing, however fast another sends`, async (t) => {
        const { url } = await start(t, { vars: PATIENT });
        const listener = await openMember(t, url, transport);
        const sender = await openMember(t, url, "websocket");
        await converse([sender, listener], [{ sender, messages: BURST, way: apart }]);
      });
    }
  });
}

/** Checks that members which read hear everything while others do not read, and what those hear once they read again. */
async function assertStalls(t, start, { transports, offered, vars, end }, { transport, way }) {
  // What it logs of those that are too slow is not shown.
  const { url } = await start(t, { vars: { ...vars, ...IMPATIENT }, log: () => {} });
  const proxy = await startSlowProxy(t, url);
  const stalled = await openMembers(t, proxy.url, transports);
  const sender = await openMember(t, url, transport);
  const others = await openMembers(t, url, OTHERS);
  proxy.down.shut();
  const messages = backlog(offered / SIZE, SIZE);
  await converse([sender, ...others], [{ sender, messages, way }]);
  proxy.down.open();
  // Without a gap, up to the close.
  for (const member of stalled) {
    assert.deepEqual(await member.hearUntilClosed([messages]), end);
    assert.notEqual(member.heard, 0);
  }
}

/** Checks that a member which reads slowly hears everything, and on this server that the others do not go far ahead of it. */
async function assertWaits(t, url, transport, { held, offered, readSlowly, bitsPerSecond }, isOurs) {
  const proxy = await startSlowProxy(t, url);
  const slow = await openMember(t, proxy.url, transport);
  const sender = await openMember(t, url, "websocket");
  const others = await openMembers(t, url, OTHERS);
  proxy.down.bitsPerSecond = bitsPerSecond;
  const messages = backlog(offered / SIZE, SIZE);
  const heard = converse([slow, sender, ...others], [{ sender, messages, way: paced(BATCH, AHEAD) }]);

  let lead = 0;
  const hasReadSlowly = () => {
    lead = Math.max(lead, ...others.map((other) => (other.heard - slow.heard) * SIZE));
    return slow.heard * SIZE >= readSlowly;
  };
  await Promise.race([heard, until(hasReadSlowly, "what is read slowly", 60_000)]);
  if (isOurs) assert.ok(lead <= held, `the others were ${lead} bytes ahead`);
  proxy.down.bitsPerSecond = Infinity;
  await heard;
}
