// A client whose object sleeps again and again while the client does not read, reads slowly or polls: at most one window is on
// its way, and nothing is lost or doubled, over as many responses as it takes. In Miniflare, where an object can be put out of
// memory at any moment at which it is idle. All clients run at the same time, since an eviction mostly waits.
// Variables: SOCKJS_SLEEP_RUNS=20 for many rounds (npm run sleep), SOCKJS_SLEEP_SEED=N to repeat those of an earlier run.

import assert from "node:assert/strict";
import { randomInt, randomUUID } from "node:crypto";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { request } from "../harness/clients/http.mjs";
import { PacedResponse } from "../harness/clients/paced-response.mjs";
import { seeded } from "../harness/messages/random.mjs";
import { POLLS, STREAMS, TRANSPORTS } from "../harness/protocol/transports.mjs";
import { startMiniflare } from "../harness/servers/miniflare.mjs";
import { readEachObject } from "../harness/servers/storage.mjs";
import { until } from "../harness/waiting/wait.mjs";

const { SOCKJS_SLEEP_SEED = String(randomInt(2 ** 32)), SOCKJS_SLEEP_RUNS = "1" } = process.env;

const KIB = 1024;
/** protocol/src/sockjs/session/delivery.rs. */
const WINDOW = 64 * KIB;
/** A machine that runs all clients at once may be slow. */
const LONG_MS = 60_000;
/** Clients that run at the same time. */
const CLIENTS = 40;

const QUIET = { SOCKJS_HEARTBEAT_DELAY: "34000", SOCKJS_DISCONNECT_DELAY: "600000", SOCKJS_PERSIST_AFTER: "50" };
/**
 * Pause before an eviction. By itself an object sleeps after 10 s of silence. An eviction right after a timer of the object was seen
 * to lose what that timer had written (workerd 1.20261117).
 */
const SILENCE_MS = 250;

/** By level: its variables, and lengths of a response: below an acknowledgement, below a window, above it, above all. */
const LEVELS = {
  default: { vars: {}, limits: [5000, 40_000, 100_000, 5 << 20] },
  outbox: { vars: { SOCKJS_DURABILITY: "outbox" }, limits: [5000, 40_000] },
};

/**
 * Messages of a blocked client: loads, each before a pause, and numbers and sizes of their messages. Their total exceeds a
 * window, but is so small that no handler waits: an object whose handler waits does not hibernate.
 */
const LOADS = [
  { loads: 3, count: 110, size: 1000 },
  { loads: 3, count: 2250, size: 12 },
  { loads: 3, count: 2, size: 30_000 },
];
/** Steps of a client that reads in between. */
const STEPS = 10;

const random = seeded(Number(SOCKJS_SLEEP_SEED));

/** A server for each level and length. */
const servers = await Promise.all(
  Object.entries(LEVELS).flatMap(([level, { vars, limits }]) =>
    limits.map(async (limit) => {
      const all = { ...QUIET, ...vars, SOCKJS_RESPONSE_LIMIT: String(limit) };
      const server = await startMiniflare({ after }, { client: true, vars: all, log: () => {} });
      return { where: `${level}, responses of ${limit} bytes`, level, server };
    }),
  ),
);

describe(`SOCKJS_SLEEP_SEED=${SOCKJS_SLEEP_SEED}`, { concurrency: CLIENTS }, () => {
  for (let run = 0; run < Number(SOCKJS_SLEEP_RUNS); run++) {
    for (const server of servers) tests(server, run);
  }
});

function tests({ where, level, server }, run) {
  const title = (segment, what) => `${where}, ${segment}: ${what} (${run})`;

  for (const [at, load] of LOADS.entries()) {
    const segment = STREAMS[(at + run) % STREAMS.length];
    const seed = random() * 2 ** 32;
    test(title(segment, `it does not read ${load.count} messages of ${load.size} bytes at a time`), async (t) => {
      await blocked(t, new Client(t, server, segment, seeded(seed)), load, level);
    });
  }
  for (const [what, segments] of [["it reads slowly", STREAMS], ["it polls now and then", POLLS]]) {
    const segment = segments[Math.floor(random() * segments.length)];
    const seed = random() * 2 ** 32;
    test(title(segment, what), (t) => slow(new Client(t, server, segment, seeded(seed))));
  }
}

/** Sends a load before each sleep but does not read. Then it reads all. */
async function blocked(t, client, { loads, count, size }, level) {
  await client.open();
  for (let sent = 0; sent < loads; sent++) {
    // In one body or in two, with or without a sleep in between.
    const first = client.upTo(count);
    await client.send(first, size);
    if (client.flips()) await client.sleeps();
    if (first < count) await client.send(count - first, size);
    await client.sleeps();
  }
  if (level === "default") {
    // At the level outbox rows hold what is in flight, too.
    const inFlight = client.sent.length - (await client.stored());
    t.diagnostic(`${inFlight * size} bytes in flight`);
    assert.ok(inFlight * size <= WINDOW, `${inFlight} messages of ${size} bytes are in flight`);
  }
  await client.readAll();
}

/** Sends, reads a piece, sleeps or only asks for a response, in random order. Then it reads all. */
async function slow(client) {
  await client.open();
  for (let step = 0; step < STEPS; step++) {
    const choice = client.upTo(4);
    if (choice === 1) await client.send(client.upTo(40), client.upTo(2000) + 8);
    else if (choice === 2) await client.sleeps();
    else if (choice === 3) await client.asks();
    else if (client.isBehind) await client.reads();
  }
  await client.readAll();
}

/** A client of /witness, whose messages come back. */
class Client {
  sent = [];
  #owner;
  #server;
  #random;
  #session = randomUUID();
  #transport;
  #segment;
  #response;
  #unread = "";
  /** True once the prelude of the response was read. */
  #isBegun;
  #received = [];

  constructor(owner, server, segment, random) {
    this.#owner = owner;
    this.#server = server;
    this.#segment = segment;
    this.#transport = TRANSPORTS[segment];
    this.#random = random;
  }

  /** A random number from 1 to `most`. */
  upTo(most) {
    return 1 + Math.floor(this.#random() * most);
  }

  flips() {
    return this.#random() < 0.5;
  }

  async open() {
    while (!(await this.#frames()).includes("o"));
  }

  async send(count, size) {
    const messages = Array.from({ length: count }, () => {
      const message = String(this.sent.length).padEnd(size, "-");
      this.sent.push(message);
      return message;
    });
    const url = `${this.#server.url}/witness/000/${this.#session}/xhr_send`;
    const { status } = await request(url, { method: "POST", body: JSON.stringify(messages), ms: LONG_MS });
    assert.equal(status, 204);
  }

  /** Puts the object to sleep, if it does not sleep already. */
  async sleeps() {
    await sleep(SILENCE_MS);
    try {
      await this.#server.evict(`/witness//session/${this.#session}`, "hibernate");
    } catch (error) {
      if (!/not currently running/.test(error.message)) throw error;
    }
  }

  /** Number of messages that wait in rows, once the newest is among them: all but those in flight. */
  async stored() {
    let waiting;
    const isStored = () => {
      waiting = this.#waiting();
      return waiting.at(-1) === this.sent.at(-1);
    };
    await until(isStored, "the newest message to be stored", LONG_MS);
    return waiting.length;
  }

  #waiting() {
    const rows = [];
    readEachObject(this.#server.objects, (database) => {
      const query = "SELECT first, messages, delivered FROM sockjs_messages_1 JOIN sockjs_sessions_2 USING (session)";
      if (!database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'sockjs_messages_1'").get()) return;
      rows.push(...database.prepare(`${query} WHERE session = ? ORDER BY first`).all(this.#session));
    });
    return rows.flatMap(({ first, messages, delivered }) =>
      JSON.parse(messages).filter((_, at) => delivered === null || first + at > delivered),
    );
  }

  /** True while something that it sent has not come back. */
  get isBehind() {
    return this.#received.length < this.sent.length;
  }

  /** Reads the next piece of a response. */
  async reads() {
    for (const frame of await this.#frames()) {
      if (frame === "h") continue;
      assert.equal(frame[0], "a", `no close frame: ${frame.slice(0, 100)}`);
      for (const message of JSON.parse(frame.slice(1))) {
        const expected = this.sent[this.#received.length];
        assert.equal(message, expected, `${message.slice(0, 8)} came instead of ${expected?.slice(0, 8)}`);
        this.#received.push(message);
      }
    }
  }

  /** Reads until everything came, and one more message: something doubled would come before it. */
  async readAll() {
    while (this.isBehind) await this.reads();
    await this.send(1, 10);
    while (this.isBehind) await this.reads();
  }

  /** Has a response that it can read. */
  async asks() {
    if (this.#response) return;
    const { method, query = "" } = this.#transport;
    const url = `${this.#server.url}/witness/000/${this.#session}/${this.#segment}${query}`;
    this.#response = await PacedResponse.open(this.#owner, this.#server, url, method);
    [this.#unread, this.#isBegun] = ["", false];
  }

  /** The frames that are complete with the next piece. At the end of a response it returns none. */
  async #frames() {
    await this.asks();
    const piece = await this.#response.piece(LONG_MS);
    if (piece === null) {
      assert.equal(this.#unread, "", "no frame is cut");
      this.#response = undefined;
      return [];
    }
    this.#unread += piece;
    const { wrap } = this.#transport;
    const prelude = this.#transport.prelude ?? "";
    if (!this.#isBegun) {
      if (this.#unread.length < prelude.length) return [];
      assert.equal(this.#unread.slice(0, prelude.length), prelude);
      [this.#unread, this.#isBegun] = [this.#unread.slice(prelude.length), true];
    }
    const [before, behind] = wrap("\0").split(/"?(?:\0|\\u0000)"?/);
    const frames = this.#unread.split(behind);
    this.#unread = frames.pop();
    const inside = (frame) => frame.slice(before.length);
    return frames.map((frame) => (inside(frame).startsWith('"') ? JSON.parse(inside(frame)) : inside(frame)));
  }
}
