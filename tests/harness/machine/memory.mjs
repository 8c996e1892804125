// Measures a server's resident memory during an action, in bytes.

/** Watches the memory from now until `stop`. */
export class MemoryWatch {
  #server;
  #peak;
  #timer;

  constructor(server, everyMs) {
    this.#server = server;
    this.before = this.#peak = server.memory();
    this.#timer = setInterval(() => this.#sample(), everyMs);
  }

  #sample() {
    const now = this.#server.memory();
    this.#peak = Math.max(this.#peak, now);
    return now;
  }

  /** Returns the current memory, and the maximum. */
  stop() {
    clearInterval(this.#timer);
    return { after: this.#sample(), peak: this.#peak };
  }
}

/** Number of measurements before a test reports that the memory is too large. */
const ATTEMPTS = 3;

/**
 * Resolves to the smallest result of `measure`, in up to three attempts; a result at or below `enough` ends them. A server that
 * keeps too much does so in each attempt. Uncollected garbage of V8 is there in one attempt and not in the next.
 */
export async function leastOf(measure, enough) {
  let least = Infinity;
  for (let attempt = 0; attempt < ATTEMPTS && least > enough; attempt += 1) least = Math.min(least, await measure());
  return least;
}

/** Runs `body`. Resolves to its `result` and to the maximum growth of the memory meanwhile. */
export async function growthDuring(server, body, everyMs = 20) {
  const watch = new MemoryWatch(server, everyMs);
  try {
    const result = await body();
    return { result, growth: watch.stop().peak - watch.before };
  } finally {
    watch.stop();
  }
}
