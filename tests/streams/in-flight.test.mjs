// A stream whose client does not read while its object sleeps again and again: no more than a window is on its way, and nothing
// is lost or doubled when the client reads on, over as many responses as that takes. In Miniflare, where an object can be put out
// of memory at any moment in which it could sleep.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, describe, test } from "node:test";
import { request } from "../harness/http.mjs";
import { startMiniflare } from "../harness/miniflare.mjs";
import { PacedResponse } from "../harness/paced-response.mjs";
import { readEachObject } from "../harness/storage.mjs";
import { until } from "../harness/wait.mjs";
import { STREAMS, TRANSPORTS } from "./transports.mjs";

const KIB = 1024;
/** protocol/src/session/delivery.rs. */
const WINDOW = 64 * KIB;

const QUIET = { SOCKJS_HEARTBEAT_DELAY: "34000", SOCKJS_DISCONNECT_DELAY: "600000" };
/** Sleeps, and what is sent before each: numbers and sizes of messages. */
const LOADS = [
  { sleeps: 8, count: 40, size: 1000 },
  { sleeps: 3, count: 3000, size: 8 },
  { sleeps: 5, count: 2, size: 30_000 },
];
/** By level: its variables, and lengths of a response. Below an acknowledgement, below a window, above it, above all. */
const LEVELS = {
  default: { vars: {}, limits: [5000, 40_000, 100_000, 5 << 20] },
  outbox: { vars: { SOCKJS_DURABILITY: "outbox" }, limits: [5000, 40_000] },
};

describe("at both levels", { concurrency: true }, () => {
  // Each has Miniflares, which do one thing after the other.
  for (const [level, { vars, limits }] of Object.entries(LEVELS)) {
    describe(level, { concurrency: false }, async () => {
      for (const limit of limits) await tests(level, vars, limit);
    });
  }
});

async function tests(level, vars, limit) {
  const title = (segment, what) => `${level}, responses of ${limit} bytes, ${segment}: ${what}`;
  const all = { ...QUIET, ...vars, SOCKJS_RESPONSE_LIMIT: String(limit) };
  const server = await startMiniflare({ after }, { client: true, vars: all, log: () => {} });

  for (const [at, { sleeps, count, size }] of LOADS.entries()) {
    const segment = STREAMS[at % STREAMS.length];
    test(title(segment, `${sleeps} sleeps, ${count} messages of ${size} bytes before each`), async (t) => {
      const client = await Client.open(t, server, segment);
      for (let sleep = 0; sleep < sleeps; sleep++) {
        await client.send(count, size);
        await client.sleeps();
      }
      if (level === "default") {
        // With the outbox rows hold these, too.
        const inFlight = client.sent.length - (await client.stored());
        t.diagnostic(`${inFlight * size} bytes in flight`);
        assert.ok(inFlight * size <= WINDOW, `${inFlight} messages of ${size} bytes are in flight`);
      }
      await client.readAll();
    });
  }

  test(title("xhr_streaming", "the object sleeps while the client reads"), async (t) => {
    const client = await Client.open(t, server, "xhr_streaming");
    for (let sleep = 0; sleep < 4; sleep++) {
      await client.send(40, 1000);
      await client.sleeps();
    }
    let pieces = 0;
    await client.readAll(async () => {
      if (++pieces % 7 === 0) await client.sleeps();
      if (pieces % 16 === 0) await client.send(10, 500);
    });
  });
}

/** A client of /witness, whose messages come back. */
class Client {
  sent = [];
  #owner;
  #server;
  #session;
  #transport;
  #segment;
  #response;
  #unread = "";
  #received = [];

  static async open(owner, server, segment) {
    const client = new Client();
    client.#owner = owner;
    client.#server = server;
    client.#session = randomUUID();
    client.#segment = segment;
    client.#transport = TRANSPORTS[segment];
    while (!(await client.#frames()).includes("o"));
    return client;
  }

  async send(count, size) {
    const messages = Array.from({ length: count }, () => {
      const message = String(this.sent.length).padEnd(size, "-");
      this.sent.push(message);
      return message;
    });
    const url = `${this.#server.url}/witness/000/${this.#session}/xhr_send`;
    assert.equal((await request(url, { method: "POST", body: JSON.stringify(messages) })).status, 204);
  }

  /** Puts the object to sleep, if it does not sleep already. */
  async sleeps() {
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
    await until(isStored, "the newest message to be stored");
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

  /** Reads until everything came, once and in order; `between` is called after each piece. */
  async readAll(between = () => undefined) {
    while (this.#received.length < this.sent.length) {
      for (const frame of await this.#frames()) {
        if (frame === "h") continue;
        assert.equal(frame[0], "a", `no close frame: ${frame.slice(0, 100)}`);
        this.#received.push(...JSON.parse(frame.slice(1)));
      }
      await between();
    }
    const wrong = this.#received.findIndex((message, at) => message !== this.sent[at]);
    assert.equal(wrong, -1, `${this.#received[wrong]?.slice(0, 8)} came instead of ${wrong}`);
    assert.equal(this.#received.length, this.sent.length);
  }

  /** The frames that are complete with the next piece. At the end of a response the next one is asked for. */
  async #frames() {
    const { method, query = "", prelude, wrap } = this.#transport;
    if (!this.#response) {
      const url = `${this.#server.url}/witness/000/${this.#session}/${this.#segment}${query}`;
      this.#response = await PacedResponse.open(this.#owner, this.#server, url, method);
      for (this.#unread = ""; this.#unread.length < prelude.length; ) this.#unread += await this.#response.piece();
      assert.equal(this.#unread.slice(0, prelude.length), prelude);
      this.#unread = this.#unread.slice(prelude.length);
    } else {
      const piece = await this.#response.piece();
      if (piece === null) {
        assert.equal(this.#unread, "", "no frame is cut");
        this.#response = undefined;
        return [];
      }
      this.#unread += piece;
    }
    const [before, behind] = wrap("\0").split(/"?(?:\0|\\u0000)"?/);
    const frames = this.#unread.split(behind);
    this.#unread = frames.pop();
    const inside = (frame) => frame.slice(before.length);
    return frames.map((frame) => (inside(frame).startsWith('"') ? JSON.parse(inside(frame)) : inside(frame)));
  }
}
