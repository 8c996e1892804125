// The simulated tree keeps its promises, and the checker sees a broken one.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Random } from "../../bench/rooms/clock.mjs";
import { Intake, Log } from "../../bench/rooms/log.mjs";
import { DESIGN } from "../../bench/rooms/parameters.mjs";
import { BREAKS, RESTARTS, short } from "../../bench/rooms/scenarios.mjs";
import { simulate } from "../../bench/rooms/simulation.mjs";

const SEEDS = [1, 2];
/** A few times what a leaf can write. */
const FLOOD = { leaves: 8, fanOut: 4, rate: 2000, seconds: 3 };
const SLOW = { leaves: 8, fanOut: 4, rate: 100, seconds: 60, faults: [{ at: 5, what: "stuck", which: 7, seconds: 50 }] };

describe("the simulated tree", () => {
  test("loses and doubles nothing at outbox, whatever restarts", () => {
    for (const seed of SEEDS) {
      const { violations, lost, doubled, unaccepted } = simulate({ ...short, seed });
      assert.deepEqual({ violations, lost, doubled, unaccepted }, { violations: [], lost: 0, doubled: 0, unaccepted: 0 }, `seed ${seed}`);
    }
  });

  test("loses nothing at default while the root lives", () => {
    const faults = RESTARTS.filter(({ what }) => what !== "root");
    const { violations, lost, doubled } = simulate({ ...short, durability: "default", faults });
    assert.deepEqual({ violations, lost, doubled }, { violations: [], lost: 0, doubled: 0 });
  });

  test("keeps one order at default when the root loses its memory, and counts what is lost with it", () => {
    const results = SEEDS.map((seed) => simulate({ ...short, rate: 100, durability: "default", seed }));
    assert.deepEqual(results.flatMap(({ violations }) => violations), []);
    assert.ok(results.some(({ lost }) => lost > 0));
  });

  test("closes the members of a leaf that takes nothing, and holds up nobody for longer than room_patience", () => {
    const { violations, behind, longestHoldMs } = simulate(SLOW);
    assert.deepEqual(violations, []);
    assert.ok(behind > 900 && behind < 1100, `${behind} members closed`);
    assert.ok(longestHoldMs > 0.8 * DESIGN.roomPatienceMs && longestHoldMs <= DESIGN.roomPatienceMs, `held for ${longestHoldMs} ms`);
  });

  test("makes publishers wait for a room that is flooded, and closes nobody", () => {
    for (const by of ["sockets", "requests"]) {
      const { violations, behind, longestHoldMs, unaccepted } = simulate({ ...FLOOD, by });
      assert.deepEqual({ violations, behind, unaccepted }, { violations: [], behind: 0, unaccepted: 0 }, by);
      assert.ok(longestHoldMs > 0, by);
    }
  });

  test("gives the same figures for the same seed", () => {
    const run = (seed) => JSON.stringify(simulate({ ...short, seconds: 5, faults: [], seed }));
    assert.equal(run(5), run(5));
    assert.notEqual(run(5), run(6));
  });
});

describe("the checker sees a broken promise", () => {
  for (const [broken, what] of Object.entries(BREAKS)) {
    test(`${broken}: ${what}`, () => {
      assert.notDeepEqual(simulate({ ...short, broken }).violations, []);
    });
  }
});

describe("the log", () => {
  const entry = (number) => ({ number, previous: number - 1, isStart: false, id: number, bytes: 10 });

  test("keeps the last messages, and says who is behind them", () => {
    const log = new Log();
    const count = 3 * DESIGN.logMessages;
    for (let number = 1; number <= count; number += 1) log.append(entry(number));
    const base = count - DESIGN.logMessages;
    assert.deepEqual([log.base, log.last, log.countAfter(base), log.bytesAfter(count - 3)], [base, count, DESIGN.logMessages, 30]);
    assert.deepEqual([log.isBehind(base - 1), log.isBehind(base)], [true, false]);
    assert.deepEqual(log.after(count - 3, 20).map(({ number }) => number), [count - 2, count - 1]);
    assert.deepEqual(log.after(count - 3, 1).length, 1, "one at least");
  });

  test("is taken in order and once, in whatever pieces it comes", () => {
    const random = new Random(1);
    const intake = new Intake();
    const taken = [];
    while (intake.last < 500) {
      const from = Math.max(1, intake.last - 5 + random.below(10));
      const { fresh } = intake.take(Array.from({ length: random.below(8) }, (_, at) => entry(from + at)));
      taken.push(...fresh.map(({ number }) => number));
    }
    assert.deepEqual(taken, taken.map((_, at) => at + 1));
  });
});
