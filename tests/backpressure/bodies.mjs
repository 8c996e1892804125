// Many clients that send large bodies at once, as fast as they can or almost not at all: the server takes only as many as it has
// memory for, goes on to serve clients with small messages, and takes the rest when those before were read.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { start } from "../harness/clients/http.mjs";
import { LazySession } from "../harness/clients/lazy-session.mjs";
import { openPollingSession } from "../harness/clients/polling-session.mjs";
import { connectStockClient } from "../harness/clients/stock-client.mjs";
import { Received, numbered, numberedJson } from "../harness/messages/numbered.mjs";
import { until, within } from "../harness/waiting/wait.mjs";
import { MIB, growthDuring, mib, startMeasured } from "./growth.mjs";

const CLIENTS = 64;
const SIZE = 1 << 10;
/** Just within `body_limit`. */
const BODY = Buffer.from(numberedJson(0, Math.floor((8 * MIB - 1) / (SIZE + 3)), SIZE));
/** Half of that: `READERS` of them are more than the inboxes of one isolate take, which is 24 MiB. */
const HALF = numberedJson(0, Math.floor(BODY.length / 2 / (SIZE + 3)), SIZE);
const READERS = 12;
const READ_AFTER_MS = 3_000;
const READ_MS = 240_000;
/** Bytes that a client that trickles sends at once, before one byte each second. */
const FIRST = 64 << 10;
/** Most by which the server's memory may grow. */
const MEMORY = 160 * MIB;

/** `answerMs` is for all answers: each body may wait for `send_timeout` to be read, and its messages as long for the inbox. */
const FORMS = {
  short: { answerMs: 60_000, vars: { SOCKJS_SEND_TIMEOUT: "8000", SOCKJS_STALL_TIMEOUT: "4000" } },
  long: { answerMs: 240_000, vars: {} },
};
/** Bodies that the server reads at once: 24 MiB of them. */
const AT_ONCE = 3;
/** Without polls no session ends here. */
const PATIENT = { SOCKJS_DISCONNECT_DELAY: "600000" };

/** Number of other clients by their transports. */
const OTHERS = Object.entries({ websocket: 4, "xhr-streaming": 2, eventsource: 1, "xhr-polling": 3 });
const PAUSE_MS = 20;
/** An idle machine needs a hundredth of it. */
const ROUND_TRIP_MS = 60_000;

/** Returns cases as `{ name, run }`; `run` takes an owner and resolves to figures. */
export function bodyCases(form) {
  const all = `${CLIENTS} bodies of ${mib(BODY.length)}`;
  return [
    { name: `${all} at once`, run: (owner) => crowd(owner, FORMS[form], sendAtOnce) },
    { name: `${all} that trickle`, run: (owner) => crowd(owner, FORMS[form], trickle) },
    { name: `${READERS} bodies of ${mib(HALF.length)} at once, read later`, run: readLater },
  ];
}

/** Expects every send to be taken and echoed: the inboxes of one isolate are full at first, but all clients read. */
async function readLater(owner) {
  const server = await startMeasured(owner, { ...PATIENT, SOCKJS_SEND_TIMEOUT: "600000", SOCKJS_STALL_TIMEOUT: "600000" });
  const count = JSON.parse(HALF).length;
  const statuses = [];
  const client = async () => {
    const session = new LazySession(owner, `${server.url}/echo`, "xhr");
    const frames = await session.open();
    const received = new Received(SIZE);
    const send = session.send(HALF, READ_MS).then(({ status }) => statuses.push(status));
    await sleep(READ_AFTER_MS);
    const receive = session.receive(frames, (message) => received.take(message), () => received.count === count);
    const [close] = await Promise.all([receive, send]);
    assert.equal(close, undefined, `closed with ${close} after ${received.count} of ${count} messages`);
  };
  const all = () => within(Promise.all(Array.from({ length: READERS }, client)), "all messages", READ_MS);
  const { growth } = await growthDuring(server, all);
  assert.ok(statuses.every((status) => status === 204), `sends were answered with ${statuses}`);
  return `all back, memory +${mib(growth)}`;
}

/** `send` is given a function that opens a session and a send in it, up to the body. It resolves to the outcomes of all sends. */
async function crowd(owner, { vars, answerMs }, send) {
  const server = await startMeasured(owner, { ...PATIENT, ...vars });
  const open = async () => {
    const session = await openPollingSession(`${server.url}/echo`);
    const headers = { "Content-Length": BODY.length };
    const connection = await start(`${session.url}/xhr_send`, { method: "POST", headers });
    owner.after(() => connection.close());
    return connection;
  };
  const transports = OTHERS.flatMap(([transport, count]) => Array(count).fill(transport));
  const others = await Promise.all(transports.map((transport) => Other.open(owner, server, transport)));
  const sends = async () => {
    try {
      return await send(open, answerMs);
    } finally {
      for (const other of others) other.stop();
    }
  };
  const flows = () => Promise.all([sends(), ...others.map((other) => other.run())]);
  const { result: [outcomes, ...trips], growth } = await growthDuring(server, flows);

  const counts = Object.entries(Object.groupBy(outcomes, (what) => what)).map(([what, { length }]) => `${length} x ${what}`);
  assert.ok(outcomes.every((what) => OUTCOMES.includes(what)), `sends were answered: ${counts}`);
  assert.ok(growth <= MEMORY, `the server's memory grew by ${mib(growth)}: ${counts}`);
  const longest = Math.max(...trips.map(({ longestMs }) => longestMs));
  const total = trips.reduce((sum, { count }) => sum + count, 0);
  return `${counts.join(", ")}, memory +${mib(growth)}, ${total} echoes of others, the slowest in ${longest.toFixed(0)} ms`;
}

const [OPEN, RESET] = ["open", "reset"];
/** A send that is refused before its body was read may lose its answer with its connection. */
const OUTCOMES = ["204", "503", RESET, OPEN];

async function sendAtOnce(open, ms) {
  const connections = await Promise.all(Array.from({ length: CLIENTS }, open));
  return Promise.all(connections.map((connection) => sendWhole(connection, ms)));
}

/** Expects those that trickle to be refused while others wait. When the last few are left, one at full speed is to be taken. */
async function trickle(open, ms) {
  const connections = await Promise.all(Array.from({ length: CLIENTS }, open));
  const outcomes = connections.map(() => OPEN);
  const isRefused = (what) => what !== OPEN;
  connections.forEach((connection, at) => answer(connection, 2 * ms).then((what) => (outcomes[at] = what)));
  for (const connection of connections) connection.write(BODY.subarray(0, FIRST));
  let next = FIRST;
  const timer = setInterval(() => {
    const byte = BODY.subarray(next, (next += 1));
    connections.filter((_, at) => !isRefused(outcomes[at])).forEach((connection) => connection.write(byte));
  }, 1_000);
  try {
    const refused = () => outcomes.filter(isRefused).length;
    await until(() => refused() >= CLIENTS - AT_ONCE, "most to be refused", ms);
    assert.equal(await sendWhole(await open(), ms), "204", "a whole body is taken");
  } finally {
    clearInterval(timer);
  }
  return outcomes.slice();
}

function sendWhole(connection, ms) {
  connection.write(BODY);
  return answer(connection, ms);
}

async function answer(connection, ms) {
  try {
    return String((await connection.head(ms)).status);
  } catch (error) {
    return /ECONNRESET|EPIPE|ended the connection|is closed/.test(error.message) ? RESET : error.message;
  }
}

/** A client that always has one small message in flight. */
class Other {
  #client;
  #isOver = false;

  static async open(owner, server, transport) {
    const other = new Other();
    other.#client = await connectStockClient(owner, `${server.url}/echo`, transport);
    return other;
  }

  /** Goes on until `stop`, and resolves to the number of round trips and the duration of the longest. */
  async run() {
    let longestMs = 0;
    let count = 0;
    while (!this.#isOver) {
      const message = numbered(count, 32);
      const started = performance.now();
      this.#client.send(message);
      assert.equal(await this.#client.messages.next(`echo ${count}`, ROUND_TRIP_MS), message);
      longestMs = Math.max(longestMs, performance.now() - started);
      count += 1;
      await sleep(PAUSE_MS);
    }
    return { count, longestMs };
  }

  stop() {
    this.#isOver = true;
  }
}
