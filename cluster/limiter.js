// A rate limit for each key, with the interface of Cloudflare's rate-limiting binding. It only counts on this node: behind a load
// balancer, a client may reach the limit at each node.

/**
 * Most keys in memory, some 20 MB. Above, the key with the oldest window is dropped and counted from zero: too many keys weaken
 * the limit, and never refuse a client that is within it.
 */
const KEYS_MAX = 100_000;

/** Named as on Cloudflare: the crate `worker` recognizes the binding by this name. */
export class Ratelimit {
  #limit;
  #windowMs;
  #keysMax;
  #now;
  /** The window of each key, the oldest in front: `{ endsAt, count }`. All windows have the same length. */
  #windows = new Map();

  /**
   * @param {object} options
   * @param {number} options.limit successes that a key has in a window, which begins with the first of them
   * @param {number} options.windowMs
   * @param {number} [options.keysMax]
   * @param {() => number} [options.now] milliseconds, for tests
   */
  constructor({ limit, windowMs, keysMax = KEYS_MAX, now = Date.now }) {
    this.#limit = limit;
    this.#windowMs = windowMs;
    this.#keysMax = keysMax;
    this.#now = now;
  }

  /** Counts a request for the key. */
  async limit({ key }) {
    const now = this.#now();
    this.#forgetEnded(now);
    const window = this.#windows.get(key) ?? this.#open(key, now);
    if (window.count >= this.#limit) return { success: false };
    window.count += 1;
    return { success: true };
  }

  #forgetEnded(now) {
    for (const [key, { endsAt }] of this.#windows) {
      if (endsAt > now) return;
      this.#windows.delete(key);
    }
  }

  #open(key, now) {
    if (this.#windows.size >= this.#keysMax) this.#windows.delete(this.#windows.keys().next().value);
    const window = { endsAt: now + this.#windowMs, count: 0 };
    this.#windows.set(key, window);
    return window;
  }
}

/** Reads a limit such as `100/60`: 100 in 60 seconds. Returns undefined if the string is not a limit. */
export function readLimit(text) {
  const [, limit, seconds] = /^([1-9]\d{0,8})\/([1-9]\d{0,4})$/.exec(text) ?? [];
  return limit && { limit: Number(limit), windowMs: 1_000 * Number(seconds) };
}
