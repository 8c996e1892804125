// The steps of the set-up: chains of them run side by side, and a breakdown says what each of them took.

import { duration } from "./progress.mjs";

/**
 * Runs each chain's steps one after another, all chains at once. The first failure ends the other chains.
 * Resolves to the steps that were done: `{ name, ms, note }`.
 *
 * @typedef {object} Step
 * @property {string} name
 * @property {(title: string, signal: AbortSignal, prepared: unknown) => Promise<string | void>} install resolves to a note for the breakdown
 * @property {(signal: AbortSignal) => unknown} [prepare] starts what needs no processor, before the first step; `install` gets the result
 * @param {Step[][]} chains
 */
export async function runChains(chains) {
  const count = chains.flat().length;
  const failure = new AbortController();
  const { signal } = failure;
  const done = [];
  let begun = 0;
  const runChain = async (chain) => {
    for (const { name, install, prepared } of chain) {
      signal.throwIfAborted();
      const started = Date.now();
      const note = await install(`set-up [${(begun += 1)}/${count}] ${name}`, signal, prepared);
      done.push({ name, ms: Date.now() - started, note });
    }
  };
  const preparedChains = chains.map((chain) => chain.map((step) => ({ ...step, prepared: step.prepare?.(signal) })));
  let first;
  const running = preparedChains.map((chain) =>
    runChain(chain).catch((error) => {
      first ??= error;
      failure.abort();
    }),
  );
  await Promise.all(running);
  if (first) throw first;
  return done;
}

/** Returns the lines that say what each step took, with the notes of the steps. */
export function breakdown(steps, total) {
  const names = Math.max(...steps.map(({ name }) => name.length));
  const lines = steps.map(({ name, ms, note }) => `  ${name.padEnd(names)}  ${duration(ms).padStart(11)}  ${note ?? ""}`.trimEnd());
  return `set-up: ${duration(total)}, once in this folder\n${lines.join("\n")}\n`;
}
