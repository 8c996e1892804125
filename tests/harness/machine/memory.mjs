// A server's resident memory while something happens, in bytes.

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

  /** Returns the memory now, and the most there was. */
  stop() {
    clearInterval(this.#timer);
    return { after: this.#sample(), peak: this.#peak };
  }
}

/** Times that memory is measured before a test says that it is too much. */
const ATTEMPTS = 3;

/**
 * Resolves to the least that `measure` resolves to, in up to three attempts; the first at or below `enough` ends them. A server that
 * keeps too much does so in each attempt. Garbage that V8 has not collected yet is there in one and not in the next.
 */
export async function leastOf(measure, enough) {
  let least = Infinity;
  for (let attempt = 0; attempt < ATTEMPTS && least > enough; attempt += 1) least = Math.min(least, await measure());
  return least;
}

/** Runs `body`, and resolves to its `result` and to the most by which the memory grew meanwhile. */
export async function growthDuring(server, body, everyMs = 20) {
  const watch = new MemoryWatch(server, everyMs);
  try {
    const result = await body();
    return { result, growth: watch.stop().peak - watch.before };
  } finally {
    watch.stop();
  }
}
