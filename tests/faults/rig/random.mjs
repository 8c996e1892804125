// Moments at random that can be had again: the seed is told, and taken from the environment.

/** Numbers from 0 to below 1. */
export function randomNumbers(t) {
  let state = Number(process.env.SOCKJS_FAULTS_SEED ?? Date.now() % 2 ** 32);
  t.diagnostic(`SOCKJS_FAULTS_SEED=${state}`);
  // mulberry32
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
