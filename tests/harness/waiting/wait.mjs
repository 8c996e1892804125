// Waiting with a limit: for an event, or for a condition that has no event. What was waited for is in the message.

import { setTimeout as sleep } from "node:timers/promises";

/** An idle machine needs less than a tenth of it for anything that the tests wait for without a limit of their own. */
export const DEADLINE_MS = 15_000;
const TICK_MS = 50;

/** The promise's result, or an error that says what did not happen in time. */
export async function within(promise, what, ms = DEADLINE_MS) {
  const late = new Error(`waited ${ms} ms for ${what}`); // made here, so that its stack names who waits
  let timer;
  const expired = new Promise((_, reject) => {
    // Counted in ticks: on a machine that was suspended for a while all deadlines are over, but nothing had its time.
    let waited = 0;
    timer = setInterval(() => (waited += TICK_MS) >= ms && reject(late), TICK_MS);
  });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearInterval(timer);
  }
}

/** Asks again and again until `condition` gives something true, and gives that. */
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
