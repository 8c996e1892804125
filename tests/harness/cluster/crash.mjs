// A crash of the runtime that no Worker can prevent, and tests that run again after it.

import { test } from "node:test";

/** The known limit of workerd 1.20261117 in docs/cluster.md: a request may meet the moment in which another node is lost. */
const CRASH = "expected idle != this->idle";
const ATTEMPTS = 3;

/**
 * A test in which nodes end. Its body runs again if it failed while a node of its clusters crashed in that way, since what it saw
 * says nothing about the Worker.
 *
 * @param {string} name
 * @param {(t: object) => Promise<void>} body gets what stands for a test's context: `after`, `diagnostic`
 */
export function testDespiteCrashes(name, body) {
  test(name, (context) => runDespiteCrashes(context, body));
}

/** The same within a test. */
export async function runDespiteCrashes(context, body) {
  for (let attempt = 1; ; attempt += 1) {
    const run = new Run(context);
    const error = await run.end(body);
    if (!error) return;
    if (attempt === ATTEMPTS || !run.hasCrash()) throw error;
    context.diagnostic(`workerd crashed ("${CRASH}"): once more`);
  }
}

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

  /** True if a node crashed. */
  hasCrash() {
    return this.clusters.some(({ logs }) => logs.some((log) => log.has(CRASH)));
  }

  /** Runs a body, and then all hooks. Resolves to the first error, if there is one. */
  async end(body) {
    let first = await errorOf(() => body(this));
    this.passed = first === undefined;
    for (const hook of this.#hooks) {
      const error = await errorOf(hook);
      first ??= error;
    }
    return first;
  }
}

async function errorOf(body) {
  try {
    await body();
  } catch (error) {
    return error;
  }
}
