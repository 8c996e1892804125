// Random moments that a run can repeat: its seed is printed, and taken from the environment.

import { seeded } from "../../harness/messages/random.mjs";

/** Returns a function that returns numbers from 0 to below 1. */
export function randomNumbers(t) {
  const seed = Number(process.env.SOCKJS_FAULTS_SEED ?? Date.now() % 2 ** 32);
  t.diagnostic(`SOCKJS_FAULTS_SEED=${seed}`);
  return seeded(seed);
}
