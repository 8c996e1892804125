// Clients behind a slow network, with more to send than it takes at once: everything comes back, and nobody is closed.

import assert from "node:assert/strict";
import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { LazySession } from "../harness/clients/lazy-session.mjs";
import { connectStockClient } from "../harness/clients/stock-client.mjs";
import { Received, numbered, numberedJson } from "../harness/messages/numbered.mjs";
import { startSlowProxy } from "../harness/proxies/slow-proxy.mjs";
import { within } from "../harness/waiting/wait.mjs";

const KIB = 1024;
const MIB = 1024 * KIB;

const STOCK_TRANSPORTS = ["websocket", "xhr-streaming", "eventsource", "xhr-polling"];
const HTTP_TRANSPORTS = ["xhr_streaming", "xhr", "jsonp"];

const SLOW = { roundTripMs: 100, up: 1_000_000, down: 1_000_000 };
const SLOW_DOWN = { down: 128_000 };
const VERY_SLOW_DOWN = { down: 64_000 };
/** More than the kernel and a queue hold, and less than the server takes ahead of its client, which at first takes little. */
const AHEAD = { count: 7 * KIB, size: KIB, network: { down: 1_000_000 }, slowMs: 3_000 };

const SIZES = {
  short: { backlogs: [[1_000, 1_000], [300, 2_000]], download: 256 * KIB, held: 4 },
  long: { backlogs: [[6 * KIB, KIB], [3_000, 2_000]], download: 4 * MIB, held: 20 },
};
/** Of a message in a download. */
const SIZE = KIB;
/** Messages in a body that is held: the client needs more than five seconds for them. */
const BODY = 56;
/** For everything of a case to arrive: the long ones need five minutes. */
const COMPLETE_MS = 1_200_000;

// A client in Node that reuses a connection in the moment in which the server ends it loses a request; a browser repeats it.
http.globalAgent = new http.Agent({ keepAlive: false });

/** Returns cases as `{ name, run }`; `run` takes an owner and a server's URL, and resolves to figures. */
export function backlogCases(form) {
  const slow = SIZES[form].backlogs.flatMap(([count, size]) =>
    STOCK_TRANSPORTS.map((transport) => ({ transport, count, size, network: SLOW, rates: "1 Mbit/s" })),
  );
  return [...slow, { transport: "websocket", ...AHEAD, rates: "taken only later" }].map((backlog) => ({
    name: `stock client, ${backlog.transport}: ${backlog.count} messages of ${backlog.size} B at once, ${backlog.rates}`,
    run: (owner, url) => echoBacklog(owner, url, backlog),
  }));
}

/** Returns cases as `backlogCases` does, of clients that take little. */
export function downloadCases(form) {
  const { download } = SIZES[form];
  return HTTP_TRANSPORTS.map((transport) => ({
    name: `${transport}: ${download / KIB} KiB at once, taken with 128 kbit/s`,
    // As the stock client sends it: the first message alone, and the rest in one body.
    run: (owner, url) => echoDownload(owner, url, { transport, network: SLOW_DOWN, bodies: [1, download / SIZE - 1] }),
  }));
}

/** Variables of a server for these cases: a session does not end while its client reads the end of a response. */
export const PATIENT = { SOCKJS_DISCONNECT_DELAY: "600000" };

/** Variables of a server that also takes only one body ahead of what its client reads. */
export const ONE_BODY_AHEAD = {
  ...PATIENT,
  SOCKJS_MESSAGE_LIMIT: String(16 * KIB),
  SOCKJS_QUEUE_LIMIT: String(32 * KIB),
  SOCKJS_INBOX_LIMIT: String(64 * KIB),
  SOCKJS_BODY_LIMIT: String(64 * KIB),
};

/** Returns cases for a server with these: a body waits for as long as the client needs for the one before. */
export function heldSendCases(form) {
  const { held } = SIZES[form];
  return HTTP_TRANSPORTS.map((transport) => ({
    name: `${transport}: ${held} bodies of ${BODY} KiB one after the other, taken with 64 kbit/s`,
    run: (owner, url) => echoDownload(owner, url, { transport, network: VERY_SLOW_DOWN, bodies: Array(held).fill(BODY) }),
  }));
}

async function echoBacklog(owner, url, { transport, count, size, network, slowMs }) {
  const proxy = await startSlowProxy(owner, url, network);
  const client = await connectStockClient(owner, `${proxy.url}/echo`, transport);
  assert.equal(client.transport, transport);
  const started = performance.now();
  for (let number = 0; number < count; number += 1) client.send(numbered(number, size));
  if (slowMs) {
    await sleep(slowMs);
    proxy.down.bitsPerSecond = Infinity;
  }
  const received = new Received(size);
  const complete = async () => {
    while (received.count < count) received.take(await client.messages.next("a message", COMPLETE_MS));
  };
  await within(complete(), `${count} messages`, COMPLETE_MS);
  const figures = `${seconds(performance.now() - started)} s`;
  client.send("the end"); // something doubled would come before it
  assert.equal(await client.messages.next("the end", COMPLETE_MS), "the end");
  return figures;
}

/** Sends bodies of so many messages each, one after the other, while it receives their echo. */
async function echoDownload(owner, url, { transport, network, bodies }) {
  const proxy = await startSlowProxy(owner, url, network);
  const session = new LazySession(owner, `${proxy.url}/echo`, transport);
  const frames = await session.open();
  const started = performance.now();
  let sent = 0;
  let longest = 0;
  const send = async (count) => {
    const before = performance.now();
    const json = numberedJson(sent, (sent += count), SIZE);
    const { status, isTaken } = await session.send(json, COMPLETE_MS);
    assert.ok(isTaken, `a send was answered with ${status}`);
    longest = Math.max(longest, performance.now() - before);
  };
  const total = bodies.reduce((sum, count) => sum + count, 0);
  const received = new Received(SIZE);
  const last = Promise.withResolvers();
  const take = (message) => {
    received.take(message);
    // Something doubled would come before it.
    if (received.count === total) last.resolve(send(1));
  };
  const receive = async () => {
    const close = await session.receive(frames, take, () => received.count > total);
    assert.equal(close, undefined, `closed with ${close} after ${received.count} of ${total} messages`);
  };
  const sends = async () => {
    for (const count of bodies) await send(count);
  };
  const all = Promise.all([receive(), sends(), last.promise]);
  await within(all, `${total} messages`, COMPLETE_MS).catch((error) => {
    throw new Error(`${received.count} of ${sent} messages came back: ${error.message}`, { cause: error });
  });
  return `${seconds(performance.now() - started)} s, a send held for at most ${seconds(longest)} s`;
}

const seconds = (ms) => (ms / 1_000).toFixed(1);
