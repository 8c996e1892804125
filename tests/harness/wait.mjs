// Waiting with a limit: for an event, or for a condition that has no event. What was waited for is in the message.

import { setTimeout as sleep } from "node:timers/promises";

/** An idle machine needs less than a tenth of it for anything that the tests wait for without a limit of their own. */
export const DEADLINE_MS = 15_000;

/** The promise's result, or an error that says what did not happen in time. */
export async function within(promise, what, ms = DEADLINE_MS) {
  const late = new Error(`waited ${ms} ms for ${what}`); // made here, so that its stack names who waits
  let timer;
  const expired = new Promise((_, reject) => (timer = setTimeout(reject, ms, late)));
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks again and again until `condition` gives something true, and gives that. */
export async function until(condition, what, ms = DEADLINE_MS) {
  const late = new Error(`waited ${ms} ms for ${what}`);
  const end = performance.now() + ms;
  for (;;) {
    const result = await condition();
    if (result) return result;
    if (performance.now() > end) throw late;
    await sleep(20);
  }
}
