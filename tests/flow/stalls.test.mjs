// A client that does not read what waits for it is closed with 1013 after `stall_timeout`. One that reads slowly is not.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { request as startRequest } from "node:http";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { request } from "../harness/clients/http.mjs";
import { STREAMS, TRANSPORTS as HTTP_TRANSPORTS, receivePath } from "../harness/protocol/transports.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { byLines } from "../harness/waiting/lines.mjs";
import { within } from "../harness/waiting/wait.mjs";
import { FloodLog } from "./flood-log.mjs";

const KIB = 1024;
const MIB = 1024 * KIB;

const STALL_MS = 2_000;
/** More than the buffers of the kernel and the queue hold together. */
const MUCH = 40 * MIB;
/** More than the kernel holds, in one message. */
const LARGE = 16 * MIB;

/** A slow client takes so much, and waits for so long: several times `STALL_MS` for a large message. */
const SIP = 512 * KIB;
const PAUSE_MS = 200;

const LONG_MS = 60_000;

const POLL = "xhr";
const HTTP = [...STREAMS, POLL];
const SOCKETS = { websocket: { isRaw: false }, "websocket-raw": { isRaw: true } };
const TRANSPORTS = [...HTTP, ...Object.keys(SOCKETS)];

const log = new FloodLog();
/** The end of a handler that waited for a client, and of a response, as they are logged: not shown. */
const EXPECTED = /"problem":"the connection is closed"|Error: the client stalls/;
const show = byLines((line) => EXPECTED.test(line) || log.add(`${line}\n`));
const vars = { SOCKJS_STALL_TIMEOUT: String(STALL_MS), SOCKJS_QUEUE_LIMIT: String(32 * MIB) };
const server = await startServer({ after }, { vars, log: show });

describe("a client that stops reading", { concurrency: true }, () => {
  for (const transport of TRANSPORTS) {
    test(`${transport}: it is closed with 1013, and the application is told`, async (t) => {
      const client = await open(t, transport);
      client.pause();
      await client.flood(client.isPoll ? { bytes: LARGE, size: LARGE } : { bytes: MUCH, size: KIB });
      assert.equal(await log.closes(client.id).next("on_close", LONG_MS), "close: Stalled");
      client.resume();
      assert.deepEqual(await within(client.closed, "the close", LONG_MS), [1013, "Stalled"]);
    });
  }
});

describe("a client that reads slowly", { concurrency: true }, () => {
  for (const transport of TRANSPORTS) {
    test(`${transport}: a message that takes longer than stall_timeout arrives`, async (t) => {
      const client = await open(t, transport);
      await readsSlowly(client, { bytes: LARGE, size: LARGE });
    });

    if (transport !== POLL) {
      test(`${transport}: many messages that take longer than stall_timeout arrive`, async (t) => {
        const client = await open(t, transport);
        await readsSlowly(client, { bytes: LARGE, size: KIB });
      });
    }
  }
});

/** Lets a client read a flood slowly, and checks that all of it arrives in more than `stall_timeout`. */
async function readsSlowly(client, flood) {
  const began = performance.now();
  client.pause();
  await client.flood(flood);
  while (client.taken < flood.bytes) {
    const before = client.taken;
    client.resume();
    while (client.taken - before < SIP && client.taken < flood.bytes) {
      const over = Promise.race([client.some(), client.closed]);
      assert.equal(await within(over, "some of it", LONG_MS), undefined, `closed after ${client.taken} bytes`);
    }
    client.pause();
    await sleep(PAUSE_MS);
  }
  assert.ok(performance.now() - began > 2 * STALL_MS);
  assert.equal(log.closes(client.id).length, 0);
}

/** Opens a session whose client has read the open frame. */
function open(owner, transport) {
  return HTTP.includes(transport) ? openResponse(owner, transport) : openSocket(owner, SOCKETS[transport]);
}

async function openResponse(owner, segment) {
  const id = randomUUID();
  const url = `${server.url}/flood/000/${id}`;
  const poll = async () => (await request(`${url}/xhr`, { method: "POST", ms: LONG_MS })).body.trimEnd();
  assert.equal(await poll(), "o");
  const outgoing = startRequest(`${url}/${receivePath(segment)}`, { method: HTTP_TRANSPORTS[segment].method, agent: false });
  owner.after(() => outgoing.destroy());
  outgoing.on("error", () => {});
  outgoing.end();
  const [response] = await within(once(outgoing, "response"), `the head of ${segment}`);
  const ended = new Promise((resolve) => response.on("close", resolve).on("error", () => {}));
  const closed = ended.then(async () => {
    assert.equal(response.complete, false, "the response is aborted");
    return JSON.parse((await poll()).slice(1));
  });
  closed.catch(() => {});
  return Object.assign(counter(response), {
    id,
    isPoll: segment === POLL,
    closed,
    flood: async (order) => {
      const body = JSON.stringify([orderOf(order)]);
      assert.equal((await request(`${url}/xhr_send`, { method: "POST", body })).status, 204);
    },
    pause: () => response.pause(),
    resume: () => response.resume(),
  });
}

async function openSocket(owner, { isRaw }) {
  const id = randomUUID();
  const path = isRaw ? `websocket?${id}` : `000/${id}/websocket`;
  const socket = new WebSocket(`${server.url.replace(/^http/, "ws")}/flood/${path}`, { perMessageDeflate: false });
  owner.after(() => socket.terminate());
  await within(once(socket, isRaw ? "open" : "message"), "an open WebSocket");
  const closed = once(socket, "close").then(([code, reason]) => [code, reason.toString()]);
  return Object.assign(counter(socket._socket), {
    id,
    closed,
    flood: async (order) => socket.send(isRaw ? orderOf(order) : JSON.stringify([orderOf(order)])),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
  });
}

const orderOf = (flood) => JSON.stringify({ ...flood, waits: true });

/** The bytes that a stream gave so far, and when it gives more. */
function counter(stream) {
  const counted = { taken: 0, some: () => once(stream, "data").then(() => undefined) };
  stream.on("data", (data) => (counted.taken += data.length));
  return counted;
}
