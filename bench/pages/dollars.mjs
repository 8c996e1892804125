// Dollars from cost.json, for the tables and for the picture.

import { HOURS_PER_MONTH } from "../cost/bill.mjs";

export const IDLE = 1_000;

/** Returns the dollars of the result that has the fields of `wanted`. */
export function dollarsOf({ results }, wanted) {
  return results.find((result) => Object.keys(wanted).every((key) => result[key] === wanted[key])).dollars;
}

/** Returns the dollars for `IDLE` connections a month, without the Worker's CPU time. */
export function idleMonth(cost, transport, placement) {
  return dollarsOf(cost, { placement, transport, action: "idle hour" }) * HOURS_PER_MONTH * IDLE;
}

/** Returns the names of the transports that were measured. */
export function transportsOf({ results }) {
  return [...new Set(results.filter(({ action }) => action === "open").map(({ transport }) => transport))];
}
