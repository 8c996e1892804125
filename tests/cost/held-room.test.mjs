// A room of idle WebSockets that the Worker holds: its object sleeps, while its clients get heartbeats. With SOCKJS_FULL (npm run
// held) the room is large, and its clients get as many heartbeats as come in an hour by default.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { describe, test } from "node:test";
import { WebSocket } from "ws";
import { startMeteredServer } from "../../bench/cost/metered-server.mjs";
import { until, within } from "../harness/waiting/wait.mjs";

const IS_FULL = Boolean(process.env.SOCKJS_FULL);
const CLIENTS = IS_FULL ? 1_000 : 100;
/** An hour has 144 of 25 s. The short form has some more than come in the ten seconds before the runtime puts the object out of memory. */
const HEARTBEATS = IS_FULL ? 144 : 13;
/** The smallest `heartbeat_delay`. */
const DELAY_MS = 1_000;
const AT_ONCE = 50;
const LONG_MS = 120_000 + 3 * HEARTBEATS * DELAY_MS;

const VARS = {
  SOCKJS_PLACEMENT: "room",
  SOCKJS_WEBSOCKET_HOLDER: "worker",
  SOCKJS_HEARTBEATS: "worker",
  SOCKJS_HEARTBEAT_DELAY: String(DELAY_MS),
};
const NOTHING = { fetches: 0, alarms: 0, messages: 0, socketEnds: 0, sqlRowsWritten: 0, setAlarms: 0, constructions: 0 };

describe("a room of held WebSockets", { concurrency: true }, () => {
  test(`${CLIENTS} clients get ${HEARTBEATS} heartbeats each while their object is out of memory`, (t) => sleepsThrough(t, VARS, false));

  test(`so do ${CLIENTS} clients that say with each heartbeat that they are there`, (t) =>
    sleepsThrough(t, { ...VARS, SOCKJS_LIVENESS: "page" }, true));
});

async function sleepsThrough(t, vars, isLively) {
  const server = await startMeteredServer(t, { vars });
  const clients = [];
  while (clients.length < CLIENTS) {
    const opening = Array.from({ length: Math.min(AT_ONCE, CLIENTS - clients.length) }, (_, number) => {
      return openClient(t, `${server.url}/instance`, { isRaw: number % 4 === 3, isLively });
    });
    clients.push(...(await Promise.all(opening)));
  }
  const before = await clients[0].instance();
  await server.settled();
  await server.reset();

  for (const client of clients) client.restart();
  const hasAll = ({ isBeating, beats }) => !isBeating || beats >= HEARTBEATS;
  await until(() => clients.every((client) => client.isWell() && hasAll(client)), "the heartbeats of all clients", LONG_MS);
  const counters = await server.counters();
  assert.deepEqual(Object.fromEntries(Object.keys(NOTHING).map((name) => [name, counters[name]])), NOTHING);
  const beats = clients.filter(({ isBeating }) => isBeating).map((client) => client.beats);
  t.diagnostic(`${beats.length} clients got ${Math.min(...beats)} to ${Math.max(...beats)} heartbeats`);

  // The object was out of memory all the time: only the next message makes another one.
  assert.notEqual(await clients[0].instance(), before);
  for (const client of clients) await client.instance();
  assert.equal((await server.counters()).constructions, 1);
}

/** `isLively` if the client says that it is there: upon each heartbeat, or as often on a raw WebSocket, which has none. */
async function openClient(owner, service, { isRaw, isLively }) {
  const path = isRaw ? "websocket" : `000/${randomUUID()}/websocket`;
  const socket = new WebSocket(`${service.replace(/^http/, "ws")}/${path}`, { perMessageDeflate: false });
  owner.after(() => socket.terminate());
  const client = new IdleClient(socket, { isRaw, isLively });
  await within(once(socket, isRaw ? "open" : "message"), "the WebSocket to open", LONG_MS);
  return client;
}

class IdleClient {
  /** Heartbeats since the last restart; of a lively client, those to which the server answered its answer. */
  beats = 0;
  #socket;
  #isRaw;
  #isLively;
  /** The text that each heartbeat brings, if any. */
  #beat;
  #failure;
  #asked;

  constructor(socket, { isRaw, isLively }) {
    this.#socket = socket;
    this.#isRaw = isRaw;
    this.#isLively = isLively;
    if (isLively) this.#beat = isRaw ? "" : "a[]";
    else if (!isRaw) this.#beat = "h";
    socket.on("message", (data) => this.#take(data.toString()));
    const life = isRaw && isLively && setInterval(() => socket.readyState === WebSocket.OPEN && socket.send(""), DELAY_MS);
    socket.on("close", (code) => {
      clearInterval(life);
      this.#failure ??= `it was closed with ${code}`;
    });
  }

  get isBeating() {
    return this.#beat !== undefined;
  }

  #take(text) {
    if (!this.#isRaw && text === "o") return;
    if (!this.#isRaw && this.#isLively && text === "h") return this.#socket.send('[""]');
    if (text === this.#beat) this.beats += 1;
    else if (this.#asked) this.#asked.resolve(text);
    else this.#failure ??= `it was given ${text}`;
  }

  restart() {
    this.beats = 0;
  }

  /** True, or the error that the connection came to. */
  isWell() {
    if (this.#failure) throw new Error(this.#failure);
    return true;
  }

  /** Asks for the id of the object's handler, which is another one after each sleep. */
  async instance() {
    this.#asked = Promise.withResolvers();
    this.#socket.send(this.#isRaw ? "?" : '["?"]');
    const id = await within(this.#asked.promise, "an answer", LONG_MS);
    this.#asked = undefined;
    return id;
  }
}
