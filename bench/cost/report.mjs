// The figures as tables, one for each action of a connection.

import { HOURS_PER_MONTH, PRICES, cpuDollars, storageDollarsPerMonth, wakeUpDollars } from "./bill.mjs";
import { ROOM_SIZE } from "./limits.mjs";
import { PLACEMENTS } from "./servers.mjs";

const PER_MILLION = 1e6;
const THOUSAND = 1000;

const COLUMNS = {
  "Worker requests": ({ billed }) => number(billed.workerRequests),
  "object requests": ({ billed }) => number(billed.objectRequests),
  alarms: ({ counters }) => number(counters.alarms),
  "rows written": ({ billed }) => number(billed.rowsWritten),
  "rows read": ({ billed }) => number(billed.rowsRead),
  "busy ms": ({ counters }) => number(counters.busyMs),
};

const OF_ACTION = {
  ...COLUMNS,
  "$ per million": (result) => money(result.dollars * PER_MILLION),
};

const OF_METRICS = {
  reports: ({ counters }) => number(counters.reports),
  ...OF_ACTION,
};

const OF_CPU = {
  "µs each": ({ microseconds }) => number(microseconds),
  "$ per million": ({ microseconds }) => money(cpuDollars(microseconds) * PER_MILLION),
  "$ a month": ({ microseconds, perHour }) => (perHour ? money(THOUSAND * HOURS_PER_MONTH * perHour * cpuDollars(microseconds)) : ""),
};

const OF_HOUR = {
  ...COLUMNS,
  "wake-ups": ({ counters }) => number(counters.constructions),
  "$ a month": (result) => money(monthly(result, result.dollars)),
  "worst case": (result) => money(monthly(result, result.worstDollars)),
};

/** @param {boolean} isShort true if the idle hour does not include the ends of streams */
export function report(results, isShort) {
  const tables = [
    ["opening a connection: /info first, and at the end a receiver waits", "open", OF_ACTION],
    ["a message in, from the client to the application", "message in", OF_ACTION],
    ["a message out, from the application to a waiting client", "message out", OF_ACTION],
    ["a turn of an idle poll: a heartbeat, and the next poll", "poll turn", OF_ACTION],
    ["closing a connection, from the client", "close", OF_ACTION],
    ["a request that is refused", "refused request", OF_ACTION],
    ["what metrics add to the open and the close of a connection", "metrics: open and close", OF_METRICS],
    ["what metrics add to ten seconds with a message every two, there and back", "metrics: 10 s of messages", OF_METRICS],
    ["processor time, of Worker and object together; dollars a month are for the heartbeats of 1,000 connections", "processor time", OF_CPU],
    ["an hour of an idle connection; dollars are for 1,000 connections a month, of 30 days", "idle hour", OF_HOUR],
  ];
  const texts = tables.map(([title, action, columns]) => {
    const rows = results.filter((result) => result.action === action);
    return `${title}\n\n${table(rows, columns)}`;
  });
  return `${[...texts, notes(isShort)].join("\n\n")}\n\n`;
}

function table(results, columns) {
  const lines = [["", ...Object.keys(columns)]];
  for (const result of inOrder(results)) {
    const name = result.placement ? `${result.transport}, ${result.placement}` : result.transport;
    lines.push([name, ...Object.values(columns).map((column) => column(result))]);
  }
  const widths = lines[0].map((_, at) => Math.max(...lines.map((line) => line[at].length)));
  const [first, ...others] = widths;
  const text = ([name, ...cells]) => [name.padEnd(first), ...cells.map((cell, at) => cell.padStart(others[at]))].join("  ");
  return lines.map((line) => `  ${text(line)}`).join("\n");
}

function inOrder(results) {
  const place = ({ placement }) => PLACEMENTS.indexOf(placement);
  return results.toSorted((a, b) => place(a) - place(b));
}

function notes(isShort) {
  const notes = [
    ...PRICES.sources.map((source) => `Prices: ${source}, read on ${PRICES.read}.`),
    "What a plan includes is not taken off. Dollars above are without processor time, of which the Worker's part is billed.",
    "Busy: the time in which an object cannot hibernate, as it was on this machine.",
    "Messages are 2 s apart, so that a stream acknowledges each by itself. A message out to a poll has the next poll in it.",
    `The idle room has ${ROOM_SIZE} connections.`,
    "Worst case: the 10 s after which an object sleeps are said not to be billed. Were they, waking a sleeping object would",
    `cost ${money(wakeUpDollars() * PER_MILLION)} more per million.`,
  ];
  if (isShort) notes.push("Too short for the end of a stream, every ten minutes: it is left out of the idle hour.");
  return notes.join("\n");
}

function monthly({ storedBytes }, hour) {
  return THOUSAND * (hour * HOURS_PER_MONTH + storageDollarsPerMonth(storedBytes));
}

/** Formats a number with at most two decimals: 144, 0.05, 53.87. */
export function number(value) {
  return String(Number(value.toFixed(2)));
}

function money(value) {
  return `$${value.toFixed(2)}`;
}
