// Compares the deliveries of the leaves with the promises of the room.
//
// Always: a message has only one number, and each leaf delivers in the order of the numbers. While the root lives, and at
// `outbox` even if it does not: each leaf delivers each accepted message once, or skips it openly by closing its members.

const MOST_EXAMPLES = 3;
const MOST_SAMPLES = 400;

export class Checker {
  /** Acknowledgements of members over HTTP. */
  memberAcks = 0;
  #violations = new Map();
  #messages;
  #leaves;
  #publishedAt;
  #isAccepted;
  /** By message: the time at which the last member got it, and the number of leaves that delivered it. */
  #lastAt;
  #deliveries;
  #idOfNumber = new Map();
  #numbersOfId = new Map();
  #delivered;
  #lastNumber;
  #lastSequences;
  #skips;
  /** For each n-th message: the time at which the middle member of each leaf got it. */
  #every;
  #middles = new Map();
  #doubled = 0;

  constructor({ messages, leaves }) {
    this.#messages = messages;
    this.#leaves = leaves;
    this.#publishedAt = new Float64Array(messages);
    this.#isAccepted = new Uint8Array(messages);
    this.#lastAt = new Float64Array(messages);
    this.#deliveries = new Uint32Array(messages);
    this.#delivered = Array.from({ length: leaves }, () => new Uint8Array(messages));
    this.#lastNumber = new Float64Array(leaves);
    this.#lastSequences = Array.from({ length: leaves }, () => new Map());
    this.#skips = Array.from({ length: leaves }, () => []);
    this.#every = Math.ceil(messages / MOST_SAMPLES);
  }

  published(id, time) {
    this.#publishedAt[id] = time;
  }

  accepted(id) {
    this.#isAccepted[id] = 1;
  }

  /** Notes that the root assigned a number. */
  numbered({ number, id }) {
    const other = this.#idOfNumber.get(number);
    if (other !== undefined && other !== id) this.#violated("one number for two messages", `${number}: messages ${other} and ${id}`);
    this.#idOfNumber.set(number, id);
    if (!this.#numbersOfId.has(id)) this.#numbersOfId.set(id, []);
    this.#numbersOfId.get(id).push(number);
  }

  /** Notes that a leaf wrote a message to all members, from `begin` to `end`. */
  delivered(leaf, { number, id, sender, sequence }, begin, end) {
    if (number <= this.#lastNumber[leaf]) this.#violated("out of order", `leaf ${leaf}: ${number} after ${this.#lastNumber[leaf]}`);
    this.#lastNumber[leaf] = number;
    if (this.#delivered[leaf][id] > 0) {
      this.#doubled += 1;
      return;
    }
    this.#delivered[leaf][id] = 1;
    const last = this.#lastSequences[leaf].get(sender) ?? 0;
    if (sequence <= last) this.#violated("a sender's messages out of order", `leaf ${leaf}: ${sequence} of ${sender} after ${last}`);
    this.#lastSequences[leaf].set(sender, sequence);
    this.#deliveries[id] += 1;
    this.#lastAt[id] = Math.max(this.#lastAt[id], end);
    if (id % this.#every === 0) this.#sample(id, (begin + end) / 2);
  }

  /** Notes that a leaf closed its members, and continues after `to`. */
  skipped(leaf, from, to) {
    this.#skips[leaf].push([from, to]);
    this.#lastNumber[leaf] = to;
  }

  /** True if each accepted message has reached all its destinations. Cheap enough for repeated calls. */
  get isComplete() {
    const skipped = this.#skips.filter((ranges) => ranges.length > 0).length;
    return this.#deliveries.every((count, id) => count + skipped >= this.#leaves || this.#isAccepted[id] === 0);
  }

  /** @param {boolean} mayLose true if a root without rows restarted */
  result(mayLose) {
    let lost = 0;
    for (let id = 0; id < this.#messages; id += 1) {
      if (this.#isAccepted[id] && this.#deliveries[id] < this.#leaves) lost += this.#missing(id);
    }
    const doubled = this.#doubled;
    if (lost > 0 && !mayLose) this.#violated("lost", `${lost} deliveries`);
    if (doubled > 0 && !mayLose) this.#violated("doubled", `${doubled} deliveries`);
    const violations = [...this.#violations].map(([what, { count, examples }]) => `${what} (${count} times): ${examples.join("; ")}`);
    return { violations, lost, doubled, unaccepted: this.#isAccepted.filter((accepted) => !accepted).length, ...this.#delays() };
  }

  #missing(id) {
    const numbers = this.#numbersOfId.get(id) ?? [];
    const isSkipped = (ranges) => ranges.some(([from, to]) => numbers.some((number) => number > from && number <= to));
    let missing = 0;
    for (let leaf = 0; leaf < this.#leaves; leaf += 1) {
      if (!this.#delivered[leaf][id] && !isSkipped(this.#skips[leaf])) missing += 1;
    }
    return missing;
  }

  #delays() {
    const ids = [...this.#deliveries.keys()].filter((id) => this.#deliveries[id] > 0);
    const last = ids.map((id) => this.#lastAt[id] - this.#publishedAt[id]);
    const median = [...this.#middles].map(([id, times]) => quantile(times, 0.5) - this.#publishedAt[id]);
    const half = Math.floor(last.length / 2);
    return {
      deliveredMs: Math.max(...this.#lastAt) - Math.min(...this.#publishedAt),
      last: { p50: quantile(last, 0.5), p99: quantile(last, 0.99), max: Math.max(...last) },
      median: quantile(median, 0.5),
      /** Extra delay of the second half of the messages over the first: above 0 if a queue grows. */
      growth: quantile(last.slice(half), 0.5) - quantile(last.slice(0, half), 0.5),
    };
  }

  #sample(id, time) {
    if (!this.#middles.has(id)) this.#middles.set(id, []);
    this.#middles.get(id).push(time);
  }

  #violated(what, example) {
    const seen = this.#violations.get(what) ?? { count: 0, examples: [] };
    seen.count += 1;
    if (seen.examples.length < MOST_EXAMPLES) seen.examples.push(example);
    this.#violations.set(what, seen);
  }
}

export function quantile(list, at) {
  const sorted = Float64Array.from(list).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * at))];
}
