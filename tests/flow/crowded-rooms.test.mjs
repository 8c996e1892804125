// Rooms with many members, over all kinds of transports, in which somebody talks all the time. A member that is slow for a while is
// waited for. One that stays slow is closed with 1013, and the others are soon as fast as before.
//
// A member that reads as fast as it can is too slow for its room, too, where the machine is slow enough: so talkers at full speed
// have a room with the longest room_patience, and the other talkers are in step with those who read.
//
// SOCKJS_ROOMS=long, which `npm run rooms` sets: rooms of 200 members. queue_limit is a quarter of the default: see crowd.mjs. No
// test fails because a machine is slow; how fast the others were is printed.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { TALKERS, openCrowd } from "./crowd.mjs";

/** Of 199 members: how many there are of each kind. */
const MIXED = { websocket: 60, "websocket-raw": 30, xhr_streaming: 40, eventsource: 20, htmlfile: 14, xhr: 20, jsonp: 15 };
const part = (share) => Object.fromEntries(Object.entries(MIXED).map(([kind, count]) => [kind, Math.ceil(count * share)]));

/** The longest room_patience, in milliseconds. */
const LONGEST_MS = 20_000;
/**
 * `slowMs` is how long a member is slow that is waited for. `patience` is the room_patience where the talkers are in step, in
 * milliseconds: the default, or scaled. `measured` is the number of messages on which the speed is measured. `waitsFor` and
 * `endless` are the talkers at full speed: with a member that is slow for a while, and with one that stays slow. `crawling` are the
 * transports of members that read 1 KiB/s.
 */
const FORMS = {
  short: {
    others: part(0.15),
    slowMs: 3_000,
    patience: 1_000,
    measured: 150,
    waitsFor: ["one sender"],
    endless: [],
    crawling: ["eventsource", "xhr"],
  },
  long: {
    others: MIXED,
    slowMs: 5_000,
    patience: 5_000,
    measured: 150,
    waitsFor: Object.keys(TALKERS),
    endless: Object.keys(TALKERS),
    crawling: ["xhr_streaming", "eventsource", "htmlfile", "xhr", "jsonp"],
  },
};
const form = FORMS[process.env.SOCKJS_ROOMS ?? "short"];
const size = Object.values(form.others).reduce((sum, count) => sum + count, 1);

/** Of a member's network, compared with what the room says at full speed. */
const A_TENTH = 0.1;
/** 1 KiB a second. */
const CRAWL_BPS = 8 * 1024;

/** Members that are slow in turn, in a room of the short form whose patience is scaled to 1 s in both: it has to be over soon. */
const TURNS = 20;
const TURN_PATIENCE_MS = 1_000;
/** Messages that end a turn in which the room does not wait: more than half a queue, and what a response holds. */
const TURN = 200;

/** A close has code and reason. */
const TOO_SLOW = [1013, "Too slow"];
/** Additional time, in milliseconds, for which a room may stand still on a busy machine. */
const NOISE_MS = 10_000;

const patience = (ms) => ({ SOCKJS_ROOM_PATIENCE: String(ms) });

describe(`rooms of ${size} members`, () => {
  for (const talk of form.waitsFor) {
    test(`${talk} at full speed: a member at a tenth of that for ${form.slowMs / 1000} s is waited for`, async (t) => {
      const crowd = await openCrowd(t, { ...form, talkers: TALKERS[talk], vars: patience(LONGEST_MS) });
      const slow = await crowd.addSlow("xhr_streaming");
      await crowd.begin(form.measured);
      slow.down.bitsPerSecond = crowd.bitsPerSecond(A_TENTH);
      const lost = crowd.stopwatch();
      await sleep(form.slowMs);
      slow.down.bitsPerSecond = Infinity;
      await crowd.hear(form.measured);
      t.diagnostic(`${crowd.speed}; the room lost ${seconds(lost())} s`);
      await crowd.end(slow.heard);
      assert.equal(await slow.heard, undefined, "it is not closed");
      assert.deepEqual(crowd.closes, []);
    });
  }

  for (const talk of form.endless) {
    test(`${talk} at full speed: a member that stays at a tenth of that is closed, the others hear everything`, async (t) => {
      const crowd = await openCrowd(t, { ...form, talkers: TALKERS[talk], vars: patience(LONGEST_MS) });
      await assertCloses(t, crowd, await crowd.addSlow("xhr_streaming"), A_TENTH);
    });
  }

  for (const [talk, talkers] of Object.entries(TALKERS)) {
    test(`${talk} in step: a member that stays at a tenth of the speed is closed, the others hear everything`, async (t) => {
      const crowd = await openCrowd(t, { ...form, talkers, isInStep: true, vars: patience(form.patience) });
      await assertCloses(t, crowd, await crowd.addSlow("xhr_streaming"), A_TENTH);
    });
  }

  for (const transport of form.crawling) {
    test(`${transport}: a member that reads 1 KiB/s holds up the room for its patience at most`, async (t) => {
      const crowd = await openCrowd(t, { ...form, talkers: TALKERS["one sender"], isInStep: true, vars: patience(form.patience) });
      await assertCloses(t, crowd, await crowd.addSlow(transport));
      t.diagnostic(`the room stood still for ${seconds(crowd.standstill)} s`);
      assert.ok(crowd.standstill < form.patience + NOISE_MS, `the room stood still for ${seconds(crowd.standstill)} s`);
    });
  }

  test(`${TURNS} members that are slow in turn hold up the room for three times its patience at most`, async (t) => {
    const room = { others: FORMS.short.others, vars: patience(TURN_PATIENCE_MS) };
    const crowd = await openCrowd(t, { ...room, talkers: TALKERS["one sender"], isInStep: true });
    const slow = [];
    for (let turn = 0; turn < TURNS; turn++) slow.push(await crowd.addSlow("xhr_streaming"));
    await crowd.begin(form.measured);
    const started = performance.now();
    for (const { down } of slow) {
      down.shut();
      // Until the room has waited for most of its patience, or goes on in spite of this member.
      await crowd.waits(0.8 * TURN_PATIENCE_MS, TURN);
      down.open();
    }
    const still = crowd.standstill;
    // Patience is for a minute. A slow machine needs more than one.
    const minutes = Math.ceil((performance.now() - started) / 60_000);
    t.diagnostic(`${crowd.speed}; the room stood still for ${seconds(still)} s in ${minutes} min`);
    const ends = slow.map(({ heard }) => heard);
    await crowd.end(...ends);
    for (const end of await Promise.all(ends)) assert.ok(end === undefined || `${end}` === `${TOO_SLOW}`, `${end}`);
    assert.ok(still < minutes * 3 * TURN_PATIENCE_MS + NOISE_MS, `the room stood still for ${seconds(still)} s`);
  });
});

/** Slows a member down to a share of the speed, or to `CRAWL_BPS`, and checks that it is closed and nobody else. */
async function assertCloses(t, crowd, slow, share) {
  await crowd.begin(form.measured);
  slow.down.bitsPerSecond = share ? crowd.bitsPerSecond(share) : CRAWL_BPS;
  const lost = crowd.stopwatch();
  await crowd.closed(1);
  const lostTime = lost();
  const after = crowd.stopwatch();
  await crowd.hear(form.measured);
  const late = after();
  t.diagnostic(`${crowd.speed}; the room lost ${seconds(lostTime)} s until the close, and ${seconds(late)} s after it`);
  slow.down.bitsPerSecond = Infinity;
  // Everything up to the close, without a gap.
  assert.deepEqual(await slow.heard, TOO_SLOW);
  await crowd.end();
  assert.equal(crowd.closes.length, 1, "nobody else is closed");
}

const seconds = (ms) => (ms / 1000).toFixed(1);
