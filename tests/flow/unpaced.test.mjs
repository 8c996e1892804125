// An application that broadcasts in a loop and does not await `ready`. As long as the room has patience with a member, four times
// queue_limit may wait for it. Beyond that it is closed with 1013, so that the server's memory is bounded. Nobody who reads loses
// anything. /herald goes on whenever those who read have little before them, so that no test depends on how fast they are.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { startSlowProxy } from "../harness/proxies/slow-proxy.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { until } from "../harness/waiting/wait.mjs";
import { END, openMember, openMembers } from "./members.mjs";

const KIB = 1024;
const MIB = 1024 * KIB;

/** Scaled to a quarter. */
const QUEUE_LIMIT = 256 * KIB;
/** durable/src/application/members.rs. */
const UNPACED = 4;

const SIZE = 4 * KIB;
/**
 * Bytes of a response beyond the queue: response_limit, the window, and the bytes that workerd takes of a response (1.20261117).
 */
const RESPONSE_LIMIT = 64 * KIB;
const IN_FLIGHT = RESPONSE_LIMIT + 64 * KIB + 512 * KIB;
/** Bytes that V8 may leave uncollected: see slow-reader.test.mjs. */
const GARBAGE = 46 * MIB;
/** Bytes that pass before any measurement, so that one-time allocations are done; and bytes that are broadcast after it. */
const WARM_UP = 24 * MIB;
const MUCH = 96 * MIB;
const LONG_MS = 120_000;

const VARS = {
  SOCKJS_QUEUE_LIMIT: String(QUEUE_LIMIT),
  SOCKJS_MESSAGE_LIMIT: String(QUEUE_LIMIT / 2),
  SOCKJS_RESPONSE_LIMIT: String(RESPONSE_LIMIT),
  // The object waits for these: nothing else ends a member.
  SOCKJS_ROOM_PATIENCE: "20000",
  SOCKJS_DISCONNECT_DELAY: "600000",
};
const READERS = ["websocket", "websocket-raw", "xhr_streaming", "xhr"];
const SLOW = ["xhr_streaming", "eventsource", "htmlfile", "xhr", "jsonp"];

describe("a loop that does not await ready", () => {
  for (const transport of SLOW) {
    test(`${transport}: a member that does not read for twice its queue loses nothing`, async (t) => {
      const room = await openRoom(t, [transport]);
      await room.broadcasts(2 * QUEUE_LIMIT);
      room.down.open();
      await room.ends();
      for (const slow of room.slow) assert.equal(await slow.heard, undefined, "it is not closed");
      assert.equal(room.closes, 0);
    });

    test(`${transport}: a member is closed when four times its queue wait, and has all that came before`, async (t) => {
      const room = await openRoom(t, [transport]);
      await room.broadcasts(UNPACED * QUEUE_LIMIT + IN_FLIGHT + MIB);
      await until(() => room.closes === 1, "the close of the slow member", LONG_MS);
      room.down.open();
      await room.ends();
      const [slow] = room.slow;
      assert.deepEqual(await slow.heard, [1013, "Too slow"]);
      const bytes = slow.member.heard * SIZE;
      t.diagnostic(`it was closed after ${bytes / QUEUE_LIMIT} times its queue`);
      // A queue counts some bytes for each message besides its own.
      assert.ok(bytes >= 0.9 * UNPACED * QUEUE_LIMIT, `closed after ${bytes} bytes`);
      assert.ok(bytes <= UNPACED * QUEUE_LIMIT + IN_FLIGHT, `closed after ${bytes} bytes`);
    });
  }

  const skip = process.env.SOCKJS_ROOMS === "long" ? false : "only in the long form: npm run rooms";
  test("members that do not read cost no more memory than four times their queues", { skip }, async (t) => {
    const room = await openRoom(t, SLOW);
    room.down.open();
    await room.broadcasts(WARM_UP);
    room.down.shut();
    const before = room.server.memory();
    await room.broadcasts(MUCH);
    const growth = room.server.memory() - before;
    t.diagnostic(`${MUCH / MIB} MiB were broadcast past members that do not read: the server grew by ${mib(growth)} MiB`);
    assert.equal(room.closes, room.slow.length);
    const limit = room.slow.length * (UNPACED * QUEUE_LIMIT + IN_FLIGHT) + GARBAGE;
    assert.ok(growth <= limit, `the server's memory grew by ${mib(growth)} MiB`);
    room.down.open();
    await room.ends();
    for (const slow of room.slow) assert.deepEqual(await slow.heard, [1013, "Too slow"]);
  });
});

/** Opens a room with those who read and, behind a network that is shut, members over `transports`. */
async function openRoom(t, transports) {
  const room = new Room();
  room.server = await startServer(t, { vars: VARS, log: (text) => room.logged(text) });
  const proxy = await startSlowProxy(t, room.server.url);
  room.down = proxy.down;
  const path = { room: "/herald" };
  const slow = await openMembers(t, proxy.url, transports, path);
  room.slow = slow.map((member) => ({ member, heard: member.hearUntilClosed(room.said) }));
  room.readers = await openMembers(t, room.server.url, READERS, path);
  room.sender = await openMember(t, room.server.url, "websocket", path);
  room.heard = Promise.all([...room.readers, room.sender].map((member) => member.hear(room.said)));
  room.heard.catch(() => {});
  room.down.shut();
  return room;
}

class Room {
  said = [[]];
  closes = 0;

  logged(text) {
    this.closes += text.match(/a member is closed/g)?.length ?? 0;
  }

  /** Has so many bytes broadcast, and waits until those who read have them. */
  async broadcasts(bytes) {
    const [said] = this.said;
    const [from, count] = [said.length, Math.ceil(bytes / SIZE)];
    for (let at = from; at < from + count; at++) said.push(`${at} `.padEnd(SIZE, "-"));
    await this.#order({ from, count, size: SIZE, readers: READERS.length + 1, behind: QUEUE_LIMIT / 4 });
    const have = () => [...this.readers, this.sender].every(({ heard }) => heard >= said.length);
    await Promise.race([until(have, "those who read", LONG_MS), this.heard]);
  }

  /** Has the end broadcast, and waits until those who read have heard everything. */
  async ends() {
    await this.#order({ last: END });
    await this.heard;
  }

  #order(order) {
    return this.sender.send([JSON.stringify(order)]);
  }
}

const mib = (bytes) => (bytes / MIB).toFixed(1);
