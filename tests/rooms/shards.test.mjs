// A room of eight objects, three publishers, and whatever may happen meanwhile: two objects restart, one member in ten comes back as a
// new one, and some never read. `npm run shards` runs it with 3,000 members and 200 broadcasts; SOCKJS_MEMBERS and
// SOCKJS_BROADCASTS set other numbers.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { startServer } from "../harness/servers/server.mjs";
import { until } from "../harness/waiting/wait.mjs";
import { fateOf, problemsOf } from "./checker.mjs";
import { Crowd, byCrier, byHttp, byMember } from "./crowd.mjs";
import { openMember } from "../harness/clients/member.mjs";

const IS_FULL = process.env.SOCKJS_FULL !== undefined;
const MEMBERS = Number(process.env.SOCKJS_MEMBERS ?? (IS_FULL ? 3_000 : 120));
const BROADCASTS = Number(process.env.SOCKJS_BROADCASTS ?? (IS_FULL ? 200 : 90));
const LONG_MS = IS_FULL ? 600_000 : 120_000;

const TOKEN = "a secret of at least thirty-two characters";
const ROOM = "/nation";
const VARS = {
  SOCKJS_PUSH_TOKENS: TOKEN,
  SOCKJS_HEARTBEAT_DELAY: "34000",
  // A poller that does not come back is behind once this much waits for it.
  SOCKJS_QUEUE_LIMIT: "16384",
  SOCKJS_MESSAGE_LIMIT: "4096",
  SOCKJS_FRAME_LIMIT: "4096",
  SOCKJS_DISCONNECT_DELAY: "3600000",
};
/** Texts that are sent while nothing else happens. */
const QUIET = 5;
const WEBSOCKETS = ["websocket", "websocket-raw"];

for (const [level, durability] of Object.entries({ default: "default", outbox: "outbox" })) {
  for (const holder of ["worker", "object"]) {
    describe(`${level}, WebSockets held by the ${holder}`, () => {
      test(`${MEMBERS} members hear each publisher in its order, while objects restart and members come and go`, async (t) => {
        const vars = { ...VARS, SOCKJS_WEBSOCKET_HOLDER: holder, SOCKJS_DURABILITY: durability };
        const server = await startServer(t, { vars, log: () => {} });
        const crowd = new Crowd(t, `${server.url}${ROOM}`);
        await crowd.open(MEMBERS);

        const speaker = await openMember(t, `${server.url}${ROOM}`, "xhr_streaming");
        const home = shardOf(await speaker.order("address"));
        const crier = await openMember(t, `${server.url}/crier`, "websocket");
        const publishers = {
          http: byHttp(server.url, TOKEN, ROOM),
          member: byMember(speaker),
          crier: byCrier(crier, ROOM),
        };
        // While nothing else happens, for the figure alone.
        for (let number = 0; number < QUIET; number += 1) {
          await publishers.http(crowd.begin("quiet"));
          await until(() => crowd.members.every((entry) => crowd.hasAll(entry)), "everybody to hear a text", LONG_MS);
        }
        const slow = await openSlow(t, server);

        // Each waits for its own push before it begins the next one.
        const each = Math.ceil(BROADCASTS / 3);
        let done = 0;
        const publish = async ([label, push]) => {
          for (let number = 0; number < each; number += 1) {
            await push(crowd.begin(label));
            done += 1;
          }
        };
        const publishing = Promise.all(Object.entries(publishers).map(publish));
        const reaches = (share) => until(() => done >= share * 3 * each, `${share} of the broadcasts`, LONG_MS);

        const restarted = new Set();
        for (const share of [0.2, 0.5]) {
          await Promise.race([reaches(share), publishing]);
          const { member, shard } = await memberElsewhere(t, server, [home, ...restarted]);
          restarted.add(shard);
          await member.tell("restart");
        }
        const leaving = crowd.members.map((_, index) => index).filter((index) => index % 10 === 3);
        for (const index of leaving) await crowd.reconnect(index);
        await publishing;

        const isOver = () => crowd.members.every((entry) => crowd.hasAll(entry));
        if (level === "outbox") await until(isOver, "everybody to have heard everything", LONG_MS);
        else await settled(crowd);
        const fates = { lost: 0, doubled: 0 };
        for (const entry of crowd.members) {
          const expected = crowd.expected(entry);
          const { lost, doubled } = fateOf(entry.heard, expected);
          fates.lost += lost;
          fates.doubled += doubled;
          if (level === "outbox") assert.deepEqual(problemsOf(entry.heard, expected), [], `${entry.transport}: ${entry.end ?? "it stays"}`);
        }
        assert.equal(fates.doubled, 0);
        const ended = crowd.members.filter(({ hasEnded, hasLeft }) => hasEnded && !hasLeft);
        if (holder === "worker") assert.deepEqual(ended.map(({ transport, end }) => `${transport}: ${end}`), []);
        for (const { transport, end } of ended) {
          assert.ok(WEBSOCKETS.includes(transport), `${transport}: ${end}`);
          assert.match(end, /closed: 1006/);
        }
        await slow.areClosed();
        const at = (delays, share) => Math.round(delays[Math.floor(share * (delays.length - 1))]);
        const all = crowd.delays();
        t.diagnostic(
          `${MEMBERS} members: a text alone is with the last member after ${at(crowd.delays("quiet"), 0.5)} ms; of ${3 * each} broadcasts, ` +
            `while all this goes on, after ${at(all, 0.5)} ms (median) and ${at(all, 0.99)} ms (99 %); ` +
            `lost ${fates.lost} of ${3 * each * MEMBERS}; ${ended.length} WebSockets ended with their object`,
        );
      }, { timeout: 2 * LONG_MS });
    });
  }
}

const shardOf = (address) => address.slice(address.lastIndexOf("/") + 1);

/** A member of an object that is none of `shards`. */
async function memberElsewhere(owner, server, shards) {
  for (;;) {
    const member = await openMember(owner, `${server.url}${ROOM}`, "xhr_streaming");
    const shard = shardOf(await member.order("address"));
    if (!shards.includes(shard)) return { member, shard };
  }
}

/** Members that poll once, and never again. They are closed because too much waits for them. */
async function openSlow(owner, server) {
  const members = await Promise.all([1, 2, 3].map(() => openMember(owner, `${server.url}${ROOM}`, "xhr", { isSilent: true })));
  return {
    async areClosed() {
      for (const { session } of members) {
        let frame;
        do frame = await session.next();
        while (!/^[co]/.test(frame));
        // A minute after its end nobody knows the session any more, and its id opens another one.
        assert.match(frame, /^c\[1013,|^o$/);
      }
    },
  };
}

/** Resolves when nobody heard anything for a while. */
async function settled(crowd) {
  const count = () => crowd.members.reduce((sum, { heard }) => sum + heard.length, 0);
  for (let before = -1; count() !== before; ) {
    before = count();
    await new Promise((resolve) => setTimeout(resolve, 2_000));
  }
}
