// Clients that send numbered messages to /trouble without a break, over every transport, and what became of the messages.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { fateOf } from "../harness/messages/fate.mjs";
import { openWebSocketClient } from "../harness/clients/websocket-client.mjs";
import { PersistentClient } from "../harness/clients/persistent-client.mjs";
import { Session } from "../harness/clients/session.mjs";
import { TRANSPORTS } from "../harness/protocol/transports.mjs";
import { until } from "../harness/waiting/wait.mjs";

export const LONG_MS = 90_000;
/** Longest pause between two messages of one client; as long as many speak, one emulated bucket takes the rows of all. */
const PAUSE_MS = 200;
const LONGER_PAUSE_MS = 4_000;

/** A session over HTTP whose client speaks until it is told to stop. */
export class HttpSpeaker {
  sent = [];
  /** Sends that were not taken: no session of a stock client would survive one. */
  refused = [];
  /** Longest time that one send took. */
  longestMs = 0;
  #isOver = false;
  #speech;
  #pauseMs;

  /** Opens a session over the transport with that last segment. */
  static async open(owner, cluster, segment, node, pauseMs) {
    const client = new PersistentClient(owner, cluster.service("/trouble", node), segment);
    await client.open();
    return new HttpSpeaker(owner, client, segment, { isOpener: true, pauseMs });
  }

  /** Opens a session by a poll at node `first`, whose objects are its own then, and goes on at node `then`. */
  static async openAcross(owner, cluster, segment, { first, then }) {
    const session = new Session(owner, cluster.service("/trouble", first), "xhr");
    assert.equal(await session.next(), "o");
    const client = new PersistentClient(owner, cluster.service("/trouble", then), segment, session.id);
    client.readOn();
    return new HttpSpeaker(owner, client, segment);
  }

  constructor(owner, client, segment, { isOpener = false, pauseMs = PAUSE_MS } = {}) {
    owner.after(() => (this.#isOver = true));
    this.client = client;
    this.segment = segment;
    this.isOpener = isOpener;
    this.#pauseMs = pauseMs;
    this.#speech = this.#speak();
    this.#speech.catch(() => {}); // `end` throws it
  }

  async #speak() {
    while (!this.#isOver) {
      const message = `echo ${this.sent.length}`;
      this.sent.push(message);
      const started = Date.now();
      const status = await this.client.send(message);
      this.longestMs = Math.max(this.longestMs, Date.now() - started);
      if (status !== 204) this.refused.push(`${message}: ${status}`);
      await sleep(Math.random() * this.#pauseMs);
    }
  }

  /** Stops, and waits until the last message is back. */
  async end() {
    this.#isOver = true;
    await this.#speech;
    assert.equal(await this.client.send("the end"), 204);
    await this.client.readsMessage("the end", LONG_MS);
  }
}

/** A client over WebSocket that opens another session when its own is closed, as a page does. */
export class WebSocketSpeaker {
  /** Of each session: `{ client, sent, end }`. */
  sessions = [];
  #isOver = false;
  #isAbandoned = false;
  #speech;

  static async open(owner, cluster, node) {
    const speaker = new WebSocketSpeaker(owner, cluster, node);
    await speaker.#connect();
    speaker.#speech = speaker.#speak();
    speaker.#speech.catch(() => {}); // `end` throws it
    return speaker;
  }

  constructor(owner, cluster, node) {
    owner.after(() => {
      this.#isOver = true;
      this.#isAbandoned = true;
    });
    this.#open = () => openWebSocketClient(owner, { service: cluster.service("/trouble", node) });
  }

  #open;

  async #connect() {
    const client = await until(() => this.#isAbandoned || this.#open().catch(() => undefined), "a WebSocket to open", LONG_MS);
    if (this.#isAbandoned) throw new Error("the test is over");
    const session = { client, sent: [], end: undefined };
    client.closed.then((end) => (session.end = end));
    this.sessions.push(session);
    return session;
  }

  async #speak() {
    while (!this.#isOver) {
      let session = this.sessions.at(-1);
      if (session.end) session = await this.#connect();
      const message = `echo ${session.sent.length}`;
      session.client.send(message);
      session.sent.push(message);
      await sleep(Math.random() * PAUSE_MS);
    }
  }

  async end() {
    this.#isOver = true;
    await this.#speech;
    const { client, end } = this.sessions.at(-1);
    if (end) return;
    client.send("the end");
    await client.readsMessage("the end", LONG_MS);
  }
}

/** Opens `count` sessions over HTTP, each transport in turn. */
export function openSpeakers(owner, cluster, count, node) {
  const segments = Object.keys(TRANSPORTS);
  const pauseMs = count > 20 ? LONGER_PAUSE_MS : PAUSE_MS;
  const open = (_, at) => HttpSpeaker.open(owner, cluster, segments[at % segments.length], node, pauseMs);
  return Promise.all(Array.from({ length: count }, open));
}

/**
 * Returns the fate of a session's messages. `again` are those that were handled more than once: each handling may have an echo,
 * or none if its node had lost the right to the object. `doubled` have more echoes than that.
 */
export function fateOfSpeaker({ client, sent }, { told }) {
  const heard = told.of(client.id).filter((event) => event.startsWith("heard: echo ")).map((event) => event.slice("heard: ".length));
  const echoes = client.messages.filter((message) => message.startsWith("echo "));
  const { lost: unheard, doubled: again } = fateOf(sent, heard);
  const { misplaced } = fateOf(sent, echoes);
  const counts = (messages) => {
    const counts = new Map();
    for (const message of messages) counts.set(message, 1 + (counts.get(message) ?? 0));
    return counts;
  };
  const [handled, read] = [counts(heard), counts(echoes)];
  const doubled = [...read].filter(([message, count]) => count > (handled.get(message) ?? 0)).map(([message]) => message);
  const missing = [...handled.keys()].filter((message) => !read.has(message));
  return { unheard, again, doubled, missing, misplaced };
}

/** Returns the number of runs of consecutive numbers: messages that a stop repeats arrive in a row. */
export const runsOf = (messages) => {
  const numbers = messages.map((message) => Number(message.slice("echo ".length)));
  return numbers.filter((number) => !numbers.includes(number - 1)).length;
};

/** The fates of all, each list joined. */
export function fatesOf(speakers, cluster) {
  const all = speakers.map((speaker) => fateOfSpeaker(speaker, cluster));
  const join = (name) => all.flatMap((fate, at) => fate[name].map((message) => `${speakers[at].client.id}: ${message}`));
  return { unheard: join("unheard"), again: join("again"), doubled: join("doubled"), missing: join("missing"), misplaced: join("misplaced") };
}

/** Asserts that the sessions of these speakers were never refused, cut or closed. */
export function assertUndisturbed(speakers) {
  for (const { client, refused, segment, isOpener } of speakers) {
    assert.deepEqual(refused, [], `${segment}: sends that were not taken`);
    const frames = client.frames.filter((frame) => frame !== "h");
    // Another open frame would be another session.
    assert.deepEqual(frames, isOpener ? ["o"] : [], `${segment}: frames that are no messages`);
  }
}
