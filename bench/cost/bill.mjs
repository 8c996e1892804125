// Converts counters into the bill, by prices.json. The included usage of a plan is not subtracted. The Worker's processor time
// depends on the application, and is measured separately: see worker-cpu.mjs.

import { readFileSync } from "node:fs";

export const PRICES = JSON.parse(readFileSync(new URL("prices.json", import.meta.url), "utf8"));

const MILLION = 1e6;
const GIGABYTE = 1e9;
export const HOURS_PER_MONTH = 720;

/** Returns the billed units of counters as in meter/counters.mjs. */
export function billed(counters) {
  const { workerRequests, fetches, alarms, messages, rowsRead, busyMs } = counters;
  return {
    workerRequests,
    // The end of a WebSocket is an event, but neither a request nor a message.
    objectRequests: fetches + alarms + messages / PRICES.incomingMessagesPerRequest,
    rowsWritten:
      counters.sqlRowsWritten +
      counters.setAlarms * PRICES.rowsPerSetAlarm +
      counters.deleteAlls * PRICES.rowsPerDeleteAll,
    rowsRead,
    gigabyteSeconds: gigabyteSeconds(busyMs),
  };
}

/** Returns the dollars for these counters. */
export function dollars(counters) {
  const units = Object.entries(billed(counters));
  return units.reduce((sum, [unit, count]) => sum + (count * PRICES.dollarsPerMillion[unit]) / MILLION, 0);
}

/** Returns the dollars if the ten seconds before an object hibernates were billed, too. */
export function worstDollars(counters) {
  return dollars({ ...counters, busyMs: counters.residentMs });
}

/** Returns the dollars for an object that wakes, does nothing, and stays for ten seconds that are billed. */
export function wakeUpDollars() {
  return (gigabyteSeconds(10_000) * PRICES.dollarsPerMillion.gigabyteSeconds) / MILLION;
}

export function storageDollarsPerMonth(bytes) {
  return (bytes / GIGABYTE) * PRICES.dollarsPerGigabyteMonth;
}

/** Returns every counter times `factor`. */
export function times(counters, factor) {
  return Object.fromEntries(Object.entries(counters).map(([name, count]) => [name, count * factor]));
}

/** Returns `counters` minus `others`, at least 0: two measurements of a time can differ in the wrong direction by a moment. */
export function minus(counters, others) {
  return Object.fromEntries(Object.entries(counters).map(([name, count]) => [name, Math.max(0, count - others[name])]));
}

/** Returns the dollars for this many microseconds of the Worker's processor time. */
export function cpuDollars(microseconds) {
  return ((microseconds / 1000) * PRICES.dollarsPerMillion.workerCpuMs) / MILLION;
}

function gigabyteSeconds(milliseconds) {
  return (milliseconds / 1000) * PRICES.objectGigabytes;
}
