// From samples to figures: medians, and the ratio to each of the others, round by round.

import { OTHERS, OURS } from "./servers.mjs";

/** What a sample has, as rows of the table. */
const KINDS = {
  rate: { unit: (result) => result.unit, more: "better" },
  processor: { unit: () => "µs of processor each", more: "worse" },
  rss: { unit: () => "KiB resident each", more: "worse" },
  pss: { unit: () => "KiB proportional each", more: "worse" },
};

/**
 * `{ name, mode, options, kind, unit, more, medians, ratios }`: medians by server, ratios by the other server as
 * `{ median, low, high }`, the quartiles. A ratio is ours by theirs.
 */
export function figures(results) {
  return results.flatMap(({ name, mode, options, samples, ...result }) =>
    Object.entries(KINDS).flatMap(([kind, { unit, more }]) => {
      if (!(kind in samples[OURS][0])) return [];
      const values = Object.fromEntries(Object.entries(samples).map(([server, list]) => [server, list.map((sample) => sample[kind])]));
      const medians = Object.fromEntries(Object.entries(values).map(([server, list]) => [server, quantile(list, 0.5)]));
      const ratios = Object.fromEntries(
        OTHERS.map((other) => {
          const list = values[OURS].map((value, round) => value / values[other][round]).filter(Number.isFinite);
          return [other, { median: quantile(list, 0.5), low: quantile(list, 0.25), high: quantile(list, 0.75) }];
        }),
      );
      return [{ name, mode, options, kind, unit: unit(result), more, medians, ratios }];
    }),
  );
}

export function quantile(list, at) {
  const sorted = [...list].sort((one, other) => one - other);
  const position = (sorted.length - 1) * at;
  const [low, high] = [sorted[Math.floor(position)], sorted[Math.ceil(position)]];
  return low === undefined ? null : low + (high - low) * (position % 1);
}
