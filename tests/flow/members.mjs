// Members of the room at /broadcast, which sends each message to all of them, and what they hear of it.

import assert from "node:assert/strict";
import { RAW, TRANSPORTS, openSession } from "../harness/clients/eager-session.mjs";
import { until } from "../harness/waiting/wait.mjs";

export const MEMBER_TRANSPORTS = [...TRANSPORTS, RAW];

/** Last message of each sender. */
export const END = "the end";

/** Limit for all that a member hears. */
const LONG_MS = 300_000;

/**
 * Opens a member.
 *
 * @param {string} server URL of the server, or of a proxy in front of it
 * @param {string} transport one of `MEMBER_TRANSPORTS`
 * @param {object} [options] those of `openSession`, and `room`: the path of another room
 */
export async function openMember(owner, server, transport, { room: path = "/broadcast", ...options } = {}) {
  return new Member(transport, await openSession(owner, `${server}${path}`, transport, options));
}

/** Opens members: `transports` is a list, or a number of members by transport. */
export async function openMembers(owner, server, transports, options) {
  const list = Array.isArray(transports)
    ? transports
    : Object.entries(transports).flatMap(([transport, count]) => Array.from({ length: count }, () => transport));
  return Promise.all(list.map((transport) => openMember(owner, server, transport, options)));
}

class Member {
  #transport;
  #session;
  /** Number of messages that it heard. */
  heard = 0;

  constructor(transport, session) {
    this.#transport = transport;
    this.#session = session;
  }

  /** Sends messages in one WebSocket message or body; over a raw WebSocket each in one of its own. */
  send(messages) {
    return this.#session.send(messages);
  }

  /** Sends each message in a WebSocket message of its own, all in one write. */
  sendApart(messages) {
    this.#session.sendApart(messages);
  }

  /** A member that was opened with `isPaused` polls again. */
  resume() {
    this.#session.resume();
  }

  /** Waits until it heard all that `said` has, each sender's messages in order and once. */
  async hear(said) {
    const end = await this.hearUntilClosed(said);
    assert.equal(end, undefined, `${this.#transport}: closed after ${this.heard} messages: ${end}`);
  }

  /** As `hear`, or until it is closed. Resolves to code and reason of the close, or to undefined when it heard all. */
  async hearUntilClosed(said) {
    const hearing = new Hearing(said);
    const isOver = () => {
      // Read before the messages, all of which came before it.
      const { end } = this.#session;
      this.#session.frames.length = 0;
      for (const message of this.#session.messages.splice(0)) hearing.take(message);
      this.heard = hearing.count;
      return hearing.isOver || end;
    };
    try {
      const end = await until(isOver, "the rest", LONG_MS);
      return hearing.isOver ? undefined : end;
    } catch (error) {
      throw new Error(`${this.#transport}, after ${hearing.count} messages: ${error.message}`, { cause: error });
    }
  }
}

/** Checks what a member hears. With several senders each message begins with the number of its own. */
class Hearing {
  #said;
  /** Number of messages heard, by sender. */
  #heard;
  #ended = new Set();
  count = 0;

  constructor(said) {
    this.#said = said;
    this.#heard = said.map(() => 0);
  }

  /** True once the last message of each sender came. */
  get isOver() {
    return this.#ended.size === this.#said.length;
  }

  take(message) {
    const sender = this.#said.length === 1 ? 0 : Number.parseInt(message);
    const at = this.#heard[sender];
    const expected = this.#said[sender]?.[at];
    if (message === expected) {
      this.#heard[sender]++;
      this.count++;
    } else {
      const place = `message ${at} of ${this.#said[sender]?.length} of sender ${sender}`;
      assert.ok(message.endsWith(END) && expected === undefined, `${place} is ${JSON.stringify(message.slice(0, 20))}`);
      this.#ended.add(sender);
    }
  }
}

/** Ways to send messages, for `converse`. */
export const inOne = (sender, messages) => sender.send(messages);
export const apart = (sender, messages) => sender.sendApart(messages);

/** Sends so many messages at a time, the next when the server accepted them. */
export const inTurn = (size) => (sender, messages, talk) => inBatches(sender, messages, talk, size, () => true);

/** The same, and only while the sender itself heard all but the last `ahead` messages. */
export const paced = (size, ahead) => (sender, messages, talk) =>
  inBatches(sender, messages, talk, size, (sent) => sent - sender.heard < ahead);

/** The same, and only while every member did. */
export const inStep = (size, ahead) => (sender, messages, talk) =>
  inBatches(sender, messages, talk, size, (sent) => talk.members.every(({ heard }) => sent - heard < ahead));

async function inBatches(sender, messages, talk, size, mayGoOn) {
  for (let at = 0; at < messages.length && !talk.isOver; at += size) {
    if (!mayGoOn(at)) await until(() => talk.isOver || mayGoOn(at), "those who listen", LONG_MS);
    await sender.send(messages.slice(at, at + size));
  }
}

/**
 * Lets senders send at the same time, and checks that the members hear all of it.
 *
 * @param {Member[]} members those who listen; a sender that is a member hears its own messages, too
 * @param {{ sender: { send: Function }, messages: string[], way: Function }[]} talks
 */
export async function converse(members, talks) {
  const said = talks.map(({ messages }) => messages);
  const talk = { members, isOver: false };
  const heard = Promise.all(members.map((member) => member.hear(said))).finally(() => (talk.isOver = true));
  const speak = async ({ sender, messages, way }, number) => {
    await way(sender, messages, talk);
    const end = said.length === 1 ? END : `${number} ${END}`;
    // Again and again, since a server that loses messages may lose it, too.
    while (!talk.isOver) {
      await sender.send([end]);
      await Promise.race([heard, new Promise((resolve) => setTimeout(resolve, 1_000))]);
    }
  };
  await Promise.all([heard, ...talks.map(speak)]);
}

/** Waits until none of the members heard anything for a second, or `done` settled. */
export async function silence(members, done) {
  let isDone = false;
  done.catch(() => {}).then(() => (isDone = true));
  for (let before = -1, now = 0; before !== now && !isDone; ) {
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    now = members.reduce((sum, { heard }) => sum + heard, 0);
  }
}
