// A crash of the runtime that no Worker can prevent, and tests that run again after it.

import { setImmediate } from "node:timers/promises";

/** The known limit of workerd 1.20261117 in docs/cluster.md: a request may meet the moment in which another node is lost. */
const CRASH = "expected idle != this->idle";
const ATTEMPTS = 3;

/**
 * Wraps the body of a test in which nodes end. The body runs again if it fails after a node of its clusters crashed in that way,
 * since what it saw says nothing about the Worker.
 *
 * @param {(t: object) => Promise<void>} body gets what stands for a test's context: `after`, `diagnostic`
 */
export const despiteCrashes = (body) => async (context) => {
  for (let attempt = 1; ; attempt += 1) {
    const run = new Run(context);
    const error = await errorOf(() => body(run));
    run.passed = !error;
    // What the nodes printed may wait behind what made the body fail.
    await setImmediate();
    // Before the hooks: they end nodes, too.
    const hasCrash = run.clusters.some(({ logs }) => logs.some((log) => log.has(CRASH)));
    await run.end();
    if (!error) return;
    if (attempt === ATTEMPTS || !hasCrash) throw error;
    context.diagnostic(`workerd crashed ("${CRASH}"): once more`);
  }
};

/** One run of a body. It owns what the body starts, like the context of a test. */
class Run {
  clusters = [];
  /** False once the body has failed. */
  passed;
  #hooks = [];
  #context;

  constructor(context) {
    this.#context = context;
  }

  after(hook) {
    this.#hooks.push(hook);
  }

  diagnostic(text) {
    this.#context.diagnostic(text);
  }

  /** Runs all hooks. Throws the first error. */
  async end() {
    let first;
    for (const hook of this.#hooks) {
      const error = await errorOf(hook);
      first ??= error;
    }
    if (first) throw first;
  }
}

async function errorOf(body) {
  try {
    await body();
  } catch (error) {
    return error;
  }
}
