// Many clients that send large bodies at once, at full speed or almost not at all: the server reads no more of them than it has
// memory for, and clients with small messages notice little of it.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { start } from "../harness/http.mjs";
import { openPollingSession } from "../harness/polling-session.mjs";
import { startServer } from "../harness/server.mjs";
import { connectStockClient } from "../harness/stock-client.mjs";
import { MIB, growthDuring, mib } from "./growth.mjs";
import { numbered, numberedJson } from "./numbered.mjs";

const CLIENTS = 64;
const SIZE = 1 << 10;
/** Just within `body_limit`. */
const BODY = Buffer.from(numberedJson(0, Math.floor((8 * MIB - 1) / (SIZE + 3)), SIZE));
/** What a client that trickles sends at once, before a byte each second. */
const FIRST = 64 << 10;
const MEMORY = 160 * MIB;

const FORMS = {
  short: { trickleMs: 12_000, vars: { SOCKJS_SEND_TIMEOUT: "8000", SOCKJS_STALL_TIMEOUT: "4000" } },
  long: { trickleMs: 75_000, vars: {} },
};
/** No session here ends because nobody polls. */
const PATIENT = { SOCKJS_DISCONNECT_DELAY: "600000" };

const OTHERS = ["websocket", "websocket", "websocket", "websocket", "xhr-streaming", "xhr-streaming", "eventsource"].concat(
  Array(3).fill("xhr-polling"),
);
const PAUSE_MS = 20;
/** An idle machine needs a hundredth of it. */
const ROUND_TRIP_MS = 60_000;
/** For the answers to all: each may be held for `send_timeout`, after it waited as long to be read. */
const ANSWER_MS = 300_000;

/** Each `{ name, run }`; `run` takes an owner, and resolves to its figures. */
export function bodyCases(form) {
  const { trickleMs, vars } = FORMS[form];
  const all = `${CLIENTS} bodies of ${mib(BODY.length)}`;
  return [
    { name: `${all} at once`, run: (owner) => crowd(owner, vars, sendAtOnce) },
    { name: `${all} that trickle for ${trickleMs / 1_000} s`, run: (owner) => crowd(owner, vars, trickle(trickleMs)) },
  ];
}

/** `send` takes a connection on which the head of a send went out, and resolves to what became of it. */
async function crowd(owner, vars, send) {
  const server = await startServer(owner, { vars: { ...PATIENT, ...vars } });
  const others = await Promise.all(OTHERS.map((transport) => Other.open(owner, server, transport)));
  const sessions = await Promise.all(Array.from({ length: CLIENTS }, () => openPollingSession(`${server.url}/echo`)));
  const echoes = others.map((other) => other.run());
  const outcome = async (session) => {
    const headers = { "Content-Length": BODY.length };
    const connection = await start(`${session.url}/xhr_send`, { method: "POST", headers });
    owner.after(() => connection.close());
    return send(connection);
  };
  const { result, growth } = await growthDuring(server, () => Promise.all(sessions.map(outcome)));
  for (const other of others) other.stop();
  const trips = await Promise.all(echoes);

  const counts = Object.groupBy(result, (what) => what);
  const shown = Object.entries(counts).map(([what, { length }]) => `${length} x ${what}`);
  const unexpected = Object.keys(counts).filter((what) => !OUTCOMES.includes(what));
  assert.deepEqual(unexpected, [], `of ${shown}`);
  assert.ok(growth <= MEMORY, `the server's memory grew by ${mib(growth)}: ${shown}`);
  const longest = Math.max(...trips.map(({ longestMs }) => longestMs));
  const total = trips.reduce((sum, { count }) => sum + count, 0);
  return `${shown.join(", ")}, memory +${mib(growth)}, ${total} echoes of others, the slowest in ${longest.toFixed(0)} ms`;
}

const [OPEN, RESET] = ["open", "reset"];
/** A send that is refused before its body was read may lose its answer with its connection. */
const OUTCOMES = ["204", "503", RESET, OPEN];

function sendAtOnce(connection) {
  connection.write(BODY);
  return answer(connection);
}

/** It ends after that time, without having come far. */
const trickle = (ms) => async (connection) => {
  connection.write(BODY.subarray(0, FIRST));
  let outcome;
  answer(connection).then((what) => (outcome = what));
  for (let second = 0; second < ms / 1_000 && !outcome; second += 1) {
    await sleep(1_000);
    connection.write(BODY.subarray(FIRST + second, FIRST + second + 1));
  }
  connection.close();
  return outcome ?? OPEN;
};

async function answer(connection) {
  try {
    return String((await connection.head(ANSWER_MS)).status);
  } catch (error) {
    if (/ECONNRESET|EPIPE|ended the connection|is closed/.test(error.message)) return RESET;
    throw error;
  }
}

/** A client that has one small message under way, all the time. */
class Other {
  #client;
  #isOver = false;

  static async open(owner, server, transport) {
    const other = new Other();
    other.#client = await connectStockClient(owner, `${server.url}/echo`, transport);
    return other;
  }

  /** Resolves after `stop` to how many round trips there were and how long the longest took; fails if one has no end. */
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
