// Waiting with a limit: for an event, or for a condition without an event. The error names the awaited event.

import { setTimeout as sleep } from "node:timers/promises";

/** An idle machine needs less than a tenth of it for every wait of the tests without a limit of its own. */
export const DEADLINE_MS = 15_000;
const TICK_MS = 50;

/** Returns the promise's result, or throws an error that names the event that did not happen in time. */
export async function within(promise, what, ms = DEADLINE_MS) {
  const late = new Error(`waited ${ms} ms for ${what}`); // created here, so that its stack shows the waiting code
  let timer;
  const expired = new Promise((_, reject) => {
    // Counted in ticks: on a machine that was suspended, all deadlines have passed, but nothing had its time.
    let waited = 0;
    timer = setInterval(() => (waited += TICK_MS) >= ms && reject(late), TICK_MS);
  });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearInterval(timer);
  }
}

/** Polls until `condition` returns a true value, and returns that value. */
export async function until(condition, what, ms) {
  let isOver = false;
  const ask = async () => {
    for (;;) {
      const result = await condition();
      if (result || isOver) return result;
      await sleep(TICK_MS);
    }
  };
  try {
    return await within(ask(), what, ms);
  } finally {
    isOver = true;
  }
}
