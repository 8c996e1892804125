// A room with many members in which somebody talks without a pause, and members whose network is slow. What the others hear is
// the measure: how many messages in a second at full speed, and how much time a slow member costs them.

import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { startSlowProxy } from "../harness/proxies/slow-proxy.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { until } from "../harness/waiting/wait.mjs";
import { END, openMember, openMembers } from "./members.mjs";
import { pushAgain } from "./push.mjs";

const KIB = 1024;

/** Bytes of a message. */
export const SIZE = 2 * KIB;
/** Scaled to a quarter, so that a member is behind soon: queue_limit, and with it message_limit. */
export const QUEUE_LIMIT = 256 * KIB;
const TOKEN = randomUUID();
const SCALED = {
  SOCKJS_QUEUE_LIMIT: String(QUEUE_LIMIT),
  SOCKJS_MESSAGE_LIMIT: String(QUEUE_LIMIT / 2),
  SOCKJS_PUSH_TOKENS: TOKEN,
};

/** Messages in a body. */
const BATCH = 4;
/** Messages by which all senders together are ahead of what they hear: well below inbox_limit. */
const AHEAD = 1024;
/** Chains of pushes, each with one push at a time. */
const CHAINS = 8;
/** Messages by which talkers in step are ahead: a quarter of queue_limit. */
const STEP = QUEUE_LIMIT / 4 / SIZE;
/** Messages in an order to /herald. */
const ORDER = 256;
/** Limit for everything that a test waits for. */
const LONG_MS = 110_000;
const TICK_MS = 10;
/** Time without any message after which a room stands still. */
const STILL_MS = 300;

/** Talkers by name: the room, the number of those who talk, and how one of them sends messages. */
export const TALKERS = {
  "one sender": { count: 1, isMember: true },
  "20 senders": { count: 20, isMember: true },
  "a push loop": { count: CHAINS, way: ({ url }) => ([message]) => pushAgain(url, TOKEN, message), batch: 1 },
  "an alarm loop": { count: 1, room: "/herald", isMember: true, isHerald: true, batch: ORDER },
};

/**
 * Starts a server, opens the others and lets the talkers begin.
 *
 * @param {object} options
 * @param {Record<string, number>} options.others members by transport
 * @param {object} options.talkers one of `TALKERS`
 * @param {boolean} [options.isInStep] the talkers are never far ahead of the others: none of those is behind, however slow the
 *   machine is. Otherwise they talk as fast as the server takes it.
 * @param {Record<string, string>} [options.vars]
 */
export async function openCrowd(t, { others, talkers, isInStep = false, vars }) {
  const crowd = new Crowd(t, talkers, isInStep);
  crowd.server = await startServer(t, { vars: { ...SCALED, ...vars }, log: (text) => crowd.logged(text) });
  crowd.others = await openMembers(t, crowd.url, others, talkers);
  return crowd;
}

class Crowd {
  #owner;
  #talkers;
  #isInStep;
  #isStopped = false;
  #isOver = false;
  #talks;
  #failure;
  /** Messages that the others heard together, when that changed, and the time without a change before. */
  #heardByAll = 0;
  #movedAt;
  #stoodStill = 0;
  /** Messages by talker, in order. */
  said;
  server;
  others;
  /** Settles when each of the others heard everything. */
  heard;
  /** Messages a second that the slowest of the others hears while nobody is slow. */
  fullSpeed;
  /** Times at which the server closed a member that was too slow. */
  closes = [];

  constructor(owner, talkers, isInStep) {
    this.#owner = owner;
    this.#talkers = talkers;
    this.#isInStep = isInStep;
    this.said = Array.from({ length: talkers.count }, () => []);
    owner.after(() => (this.#isStopped = this.#isOver = true));
  }

  get url() {
    return this.server.url;
  }

  /** Takes what the server logs. */
  logged(text) {
    for (const _ of text.matchAll(/a member is closed/g)) this.closes.push(performance.now());
  }

  /** Opens a member behind a network of its own. Resolves to it, with `down` and what becomes of it: see `hearUntilClosed`. */
  async addSlow(transport) {
    const proxy = await startSlowProxy(this.#owner, this.url);
    const member = await openMember(this.#owner, proxy.url, transport, { room: this.#talkers.room });
    return { member, down: proxy.down, heard: member.hearUntilClosed(this.said) };
  }

  /** Lets the talkers talk. Resolves when the speed was measured on `count` messages. */
  async begin(count) {
    const { isMember, room } = this.#talkers;
    const senders = isMember ? await openMembers(this.#owner, this.url, { websocket: this.said.length }, { room }) : [];
    this.others.push(...senders);
    this.heard = Promise.all(this.others.map((other) => other.hear(this.said)));
    this.#talks = Promise.all(this.said.map((said, number) => this.#talk(said, number, senders[number])));
    this.#failure = new Promise((_, reject) => [this.heard, this.#talks].forEach((running) => running.catch(reject)));
    this.#failure.catch(() => (this.#isStopped = this.#isOver = true));
    await this.hear(count);
    this.#movedAt = performance.now();
    const watch = setInterval(() => this.#watch(), TICK_MS);
    this.#owner.after(() => clearInterval(watch));
    const started = performance.now();
    await this.hear(count);
    this.fullSpeed = (count * 1000) / (performance.now() - started);
  }

  /** Number of messages that each of the others heard. */
  get progress() {
    return Math.min(...this.others.map(({ heard }) => heard));
  }

  /** Resolves when each of the others heard so many more messages. */
  async hear(count) {
    const goal = this.progress + count;
    await this.#until(() => this.progress >= goal, `${count} more messages`);
  }

  /** Returns a function that returns the milliseconds lost since: those beyond what the messages heard take at full speed. */
  stopwatch() {
    const [started, before] = [performance.now(), this.progress];
    return () => performance.now() - started - ((this.progress - before) * 1000) / this.fullSpeed;
  }

  /** Milliseconds for which the room stood still since it began: none of the others heard anything for `STILL_MS` or more. */
  get standstill() {
    const now = performance.now() - this.#movedAt;
    return this.#stoodStill + (now >= STILL_MS ? now : 0);
  }

  /** Resolves when the room stood still for so many milliseconds more, or when `count` more messages were heard. */
  async waits(ms, count) {
    const [still, goal] = [this.standstill + ms, this.progress + count];
    await this.#until(() => this.standstill >= still || this.progress >= goal, "the room");
  }

  #watch() {
    const heard = this.others.reduce((sum, other) => sum + other.heard, 0);
    if (heard === this.#heardByAll) return;
    this.#stoodStill = this.standstill;
    [this.#heardByAll, this.#movedAt] = [heard, performance.now()];
  }

  /** That share of what a member gets at full speed. */
  bitsPerSecond(share) {
    return share * this.fullSpeed * SIZE * 8;
  }

  get speed() {
    return `${Math.round(this.fullSpeed)} messages a second to each member`;
  }

  /** Resolves when the server has closed so many members that were too slow. */
  closed(count) {
    return this.#until(() => this.closes.length >= count, `the close of ${count} members`);
  }

  /** Ends the talk, and checks that each of the others hears all of it. `heard` are slow members that hear the end, too. */
  async end(...heard) {
    this.#isStopped = true;
    await Promise.all([this.heard, ...heard]);
    this.#isOver = true;
    await this.#talks;
  }

  /** Waits, and fails if one of the others is closed, misses a message, or cannot send. */
  #until(condition, what) {
    return Promise.race([until(condition, what, LONG_MS), this.#failure]);
  }

  async #talk(said, number, sender) {
    const { way, isHerald } = this.#talkers;
    const batch = this.#isInStep ? 1 : (this.#talkers.batch ?? BATCH);
    const prefix = this.said.length === 1 ? "" : `${number} `;
    const send = way ? way(this) : (messages) => sender.send(messages);
    const count = () => this.said.reduce((sum, { length }) => sum + length, 0);
    const isAhead = () => (this.#isInStep ? count() - this.progress > STEP : sender && count() - sender.heard > AHEAD);
    while (!this.#isStopped) {
      if (isAhead()) {
        await sleep(TICK_MS);
        continue;
      }
      const from = said.length;
      const messages = Array.from({ length: batch }, (_, at) => `${prefix}${from + at} `.padEnd(SIZE, "-"));
      said.push(...messages);
      await send(isHerald ? [JSON.stringify({ from, count: batch, size: SIZE, waits: true })] : messages);
    }
    const end = `${prefix}${END}`;
    while (!this.#isOver) {
      await send(isHerald ? [JSON.stringify({ last: end })] : [end]);
      await sleep(1_000);
    }
  }
}
