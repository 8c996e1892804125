// A client that sends on and on, and does not read what comes back: its sends are held for a while, then it is closed, and the
// server never keeps more for it than its limits allow.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { WebSocket } from "ws";
import { LazySession } from "../harness/clients/lazy-session.mjs";
import { Received, numbered, numberedJson } from "../harness/messages/numbered.mjs";
import { until, within } from "../harness/waiting/wait.mjs";
import { MIB, growthDuring, mib, startMeasured } from "./growth.mjs";

/** Transports with sizes of messages, bytes that are sent without reading, and before that with reading. */
const FORMS = {
  short: {
    flows: [["websocket", 1024], ["xhr_streaming", 32], ["xhr", 1024]],
    total: 24 * MIB,
    warmUp: 24 * MIB,
    vars: { SOCKJS_SEND_TIMEOUT: "8000", SOCKJS_STALL_TIMEOUT: "4000" },
  },
  long: {
    flows: ["websocket", "xhr_streaming", "xhr"].flatMap((transport) => [[transport, 32], [transport, 1024]]),
    total: 100 * MIB,
    warmUp: 24 * MIB,
    vars: {},
  },
};
/** Without polls no session ends here. */
const PATIENT = { SOCKJS_DISCONNECT_DELAY: "600000" };

/** protocol/src/service/options/table.rs. */
const BODY_LIMIT = 8 * MIB;
const INBOX_LIMIT = 8 * MIB;
const QUEUE_LIMIT = MIB;

const LIMITS = BODY_LIMIT + INBOX_LIMIT + QUEUE_LIMIT;
const TRY_AGAIN_LATER = 1013;

/** Bytes in a body; a stock client joins its backlog. */
const BODY = MIB;
/** Bytes in flight of a WebSocket that reads. */
const WINDOW = MIB / 4;
/** Bytes that a WebSocket gets at once. */
const BATCH = MIB / 16;
const FLOW_MS = 600_000;

/** Returns cases as `{ name, run }`; `run` takes an owner and resolves to figures. */
export function unreadCases(form) {
  const { flows, ...rest } = FORMS[form];
  return flows.map(([transport, size]) => ({
    name: `${transport}: ${mib(rest.total)} of ${size} B that are not read`,
    run: (owner) => unread(owner, { ...rest, transport, size }),
  }));
}

async function unread(owner, { transport, size, total, warmUp, vars }) {
  const server = await startMeasured(owner, { ...PATIENT, ...vars });
  const send = transport === "websocket" ? sendOverSocket : sendOverHttp;
  const flow = (bytes, isRead) => {
    const sent = send(owner, `${server.url}/echo`, { transport, size, count: bytes / size, isRead });
    return within(sent, `the end of the flow that is ${isRead ? "" : "not "}read`, FLOW_MS);
  };
  const { received: echo, close: early } = await flow(warmUp, true);
  assert.equal(echo.count, warmUp / size, `closed while it reads, with ${early}`);

  const { result, growth } = await growthDuring(server, () => flow(total, false));
  const { sent, received, close, figures } = result;
  assert.equal(close?.[0], TRY_AGAIN_LATER, `closed with ${close}, ${received.count} of ${sent} messages back`);
  assert.ok(growth <= 1.1 * LIMITS, `the server's memory grew by ${mib(growth)}`);
  return `${mib(sent * size)} taken, ${mib(received.count * size)} back, memory +${mib(growth)}${figures}`;
}

/** Sends bodies one after the other, until one is refused. */
async function sendOverHttp(owner, service, { transport, size, count, isRead }) {
  const session = new LazySession(owner, service, transport);
  const frames = await session.open();
  const received = new Received(size);
  const perBody = Math.floor(BODY / (size + 3));
  let sent = 0;
  let longest = 0;
  const sends = async () => {
    while (sent < count) {
      const to = Math.min(sent + perBody, count);
      const started = performance.now();
      const { isTaken, status } = await session.send(numberedJson(sent, to, size), FLOW_MS);
      longest = Math.max(longest, performance.now() - started);
      if (!isTaken) return assert.equal(status, 503, `the send after ${sent} messages`);
      sent = to;
    }
  };
  const receive = () => session.receive(frames, (message) => received.take(message), () => received.count === count);
  if (!isRead) await sends();
  const [close] = await Promise.all([receive(), isRead && sends()]);
  return { sent, received, close, figures: `, a send held for ${(longest / 1_000).toFixed(1)} s` };
}

/** Sends each message in a frame of its own. */
async function sendOverSocket(owner, service, { size, count, isRead }) {
  const url = `${service.replace(/^http/, "ws")}/000/${randomUUID()}/websocket`;
  const socket = new WebSocket(url, { perMessageDeflate: false });
  owner.after(() => socket.terminate());
  const received = new Received(size);
  const opened = Promise.withResolvers();
  let close;
  socket.on("message", (data) => {
    const frame = data.toString();
    if (frame === "o") opened.resolve();
    if (frame.startsWith("a[")) JSON.parse(frame.slice(1)).forEach((message) => received.take(message));
    if (frame.startsWith("c[")) close ??= JSON.parse(frame.slice(1));
  });
  socket.on("error", () => {}); // of what is sent after the end
  socket.on("close", (code, reason) => (close ??= [code, reason.toString()]));
  await within(once(socket, "open"), "a WebSocket");
  await within(opened.promise, "the open frame");
  if (!isRead) socket.pause();

  for (let sent = 0; sent < count && !close; ) {
    const to = Math.min(sent + Math.ceil(BATCH / size), count);
    await sendBatch(socket, sent, to, size);
    sent = to;
    const isFarAhead = () => isRead && !close && received.count < sent - WINDOW / size;
    if (isFarAhead()) await until(() => !isFarAhead(), "echoes", FLOW_MS);
  }
  socket.resume();
  await until(() => close || received.count === count, "the end", FLOW_MS);
  return { sent: count, received, close, figures: "" };
}

/** Sends messages of these numbers, and resolves when the kernel has them. */
async function sendBatch(socket, from, to, size) {
  const flushed = Promise.withResolvers();
  socket._socket?.cork();
  for (let number = from; number < to; number += 1) {
    socket.send(`["${numbered(number, size)}"]`, number === to - 1 ? () => flushed.resolve() : undefined);
  }
  socket._socket?.uncork();
  await within(flushed.promise, "the server to read on", FLOW_MS);
}
