// Many members of a room of several objects, and publishers, while objects restart and members come and go.

import { setTimeout as sleep } from "node:timers/promises";
import { request } from "../harness/clients/http.mjs";
import { problemsOf } from "./checker.mjs";
import { openMember } from "../harness/clients/member.mjs";

/** Transports of members, repeated. */
const MIX = ["websocket", "websocket", "xhr_streaming", "websocket", "websocket-raw", "eventsource", "websocket", "websocket-raw", "xhr", "websocket"];
/** Begin of each text, so that much waits for whoever does not read. */
const FILLING = "m".repeat(300);
/** A push may wait for members that read slowly, and for an object that restarts. */
const PUSH_MS = 120_000;
/** Of a member that comes back: how often it tries again, and after which time. */
const TRIES = 50;
const PAUSE_MS = 100;
/** Members that open at once. */
const AT_ONCE = 20;

export class Crowd {
  members = [];
  /** Texts that were begun, by label, and when. */
  begun = new Map();
  #owner;
  #service;

  /** @param {string} service URL of `/nation` */
  constructor(owner, service) {
    this.#owner = owner;
    this.#service = service;
  }

  /** Opens so many members. */
  async open(count) {
    for (let opened = 0; opened < count; opened += AT_ONCE) {
      const batch = Array.from({ length: Math.min(AT_ONCE, count - opened) }, (_, index) => this.#openOne(MIX[(opened + index) % MIX.length]));
      this.members.push(...(await Promise.all(batch)));
    }
  }

  async #openOne(transport) {
    const member = await openMember(this.#owner, this.#service, transport);
    // Whatever is begun from here on has to come.
    const first = new Map([...this.begun].map(([label, times]) => [label, times.length]));
    const entry = { transport, member, first, heard: [], times: [], hasEnded: false };
    const read = async () => {
      for (;;) {
        const text = await member.said.next("what is said", 3_600_000);
        entry.heard.push(text.slice(FILLING.length + 1));
        entry.times.push(performance.now());
      }
    };
    read().catch((error) => {
      entry.hasEnded = true;
      entry.end = error.message;
    });
    return entry;
  }

  /** Has a member leave, and a new one come in its place. Like any client it tries again while its object restarts. */
  async reconnect(index) {
    const { transport, member } = this.members[index];
    this.members[index].hasLeft = true;
    await member.close();
    for (let left = TRIES; ; left -= 1) {
      try {
        this.members.push(await this.#openOne(transport));
        return;
      } catch (error) {
        if (left === 0) throw error;
        await sleep(PAUSE_MS);
      }
    }
  }

  /** Notes that a text is begun, and returns it. */
  begin(label) {
    const times = this.begun.get(label);
    if (times) times.push(performance.now());
    else this.begun.set(label, [performance.now()]);
    return `${FILLING} ${label} ${this.begun.get(label).length - 1}`;
  }

  /** Returns the texts that a member must have received. */
  expected({ first, hasLeft, hasEnded }) {
    const ends = hasLeft || hasEnded;
    return new Map([...this.begun].map(([label, times]) => [label, { first: first.get(label) ?? 0, last: ends ? undefined : times.length - 1 }]));
  }

  /** True once a member that stays heard the last text of each label. */
  hasAll(entry) {
    return entry.hasLeft || entry.hasEnded || problemsOf(entry.heard, this.expected(entry)).every((problem) => !problem.endsWith("at the end"));
  }

  /** Milliseconds from the begin of each text, or of those of one label, to the last member's hearing of it: the shortest first. */
  delays(only) {
    const last = new Map();
    for (const { heard, times } of this.members) {
      heard.forEach((text, index) => last.set(text, Math.max(last.get(text) ?? 0, times[index])));
    }
    const delays = [];
    for (const [label, times] of this.begun) {
      if (only && label !== only) continue;
      times.forEach((time, number) => delays.push((last.get(`${label} ${number}`) ?? NaN) - time));
    }
    return delays.filter((delay) => !Number.isNaN(delay)).sort((one, other) => one - other);
  }
}

/** Publishes over HTTP, one request after the other. */
export const byHttp = (url, token, room) => async (text) => {
  const headers = { Authorization: `Bearer ${token}` };
  const { status, body } = await request(`${url}/push`, { method: "POST", headers, body: JSON.stringify({ room, message: text }), ms: PUSH_MS });
  if (status !== 200) throw new Error(`${status}: ${body}`);
};

/** Publishes from a handler of the room, by `room.all()`. */
export const byMember = (member) => async (text) => {
  const { error } = await member.order({ all: { group: null, text } }, PUSH_MS);
  if (error) throw new Error(error);
};

/** Publishes from a Worker's code, by one handle of `Push`. */
export const byCrier = (crier, room) => async (text) => {
  const { error } = await crier.order({ room, text }, PUSH_MS);
  if (error) throw new Error(error);
};
