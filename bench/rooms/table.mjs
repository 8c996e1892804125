// The figures as tables.

import { HTTP_SHARE, MEMBERS_PER_LEAF, MESSAGE_BYTES, WORK } from "./parameters.mjs";
import { PRICES } from "../cost/bill.mjs";

const MS_PER_SECOND = 1000;

const DELAYS = {
  "last member p50": ({ last }) => time(last.p50),
  p99: ({ last }) => time(last.p99),
  max: ({ last }) => time(last.max),
  "median member": ({ median }) => time(median),
};

const QUEUES = {
  "queue at root": ({ queues }) => queue(queues.root),
  middle: ({ queues }) => queue(queues.middle),
  leaf: ({ queues }) => queue(queues.leaf),
};

const OUTCOME = {
  lost: ({ lost }) => String(lost * MEMBERS_PER_LEAF),
  doubled: ({ doubled }) => String(doubled * MEMBERS_PER_LEAF),
  "closed 1012": ({ restarted }) => String(restarted),
  "closed 1013": ({ behind }) => String(behind),
  "publisher held": ({ longestHoldMs }) => time(longestHoldMs),
};

const PRICE = {
  "$ each": ({ each }) => dollars(each),
  "hops to the leaves": ({ parts }) => dollars(parts.way),
  "frames to members": ({ parts }) => dollars(parts.frames),
  "acks over HTTP": ({ parts }) => dollars(parts.acks),
  "$ a month": ({ month }) => `$${Math.round(month).toLocaleString("en")}`,
};

const SUSTAINED = {
  "messages a second": ({ messages, deliveredMs }) => String(Math.round((messages * MS_PER_SECOND) / deliveredMs)),
  "all connected after": ({ connectedMs }) => time(connectedMs),
  ...QUEUES,
};

export function calmTable(rows) {
  return table("where nothing goes wrong", rows, { ...DELAYS, ...QUEUES });
}

export function priceTable(rows) {
  return table("US dollars for each message to a million members, and for a month at this rate", rows, PRICE);
}

export function floodTable(rows) {
  return table("what is sustained, of 1,000 messages a second for 8 s", rows, SUSTAINED);
}

export function roughTable(rows) {
  return table("where something goes wrong; lost and doubled are counted in members", rows, { ...DELAYS, ...QUEUES, ...OUTCOME });
}

/** Returns rows `{ leaves, shards, tree }`. The figures of a single object are computed: a frame for each member. */
export function sizeTable(rows) {
  const one = (leaves) => leaves * MEMBERS_PER_LEAF * WORK.memberFrame;
  const columns = {
    "one object: busy for": ({ leaves }) => (leaves * MEMBERS_PER_LEAF > 32_768 ? "too many" : time(one(leaves))),
    "shards: last member": ({ shards }) => time(shards.last.p50),
    "$ each, shards": ({ shards }) => dollars(shards.each - shards.parts.acks),
    "tree: last member": ({ tree }) => time(tree.last.p50),
    "$ each, tree": ({ tree }) => dollars(tree.each - tree.parts.acks),
  };
  const named = rows.map((row) => ({ ...row, name: `${(row.leaves * MEMBERS_PER_LEAF).toLocaleString("en")} members` }));
  return table("by size, at one message a second, without acknowledgements over HTTP", named, columns);
}

export function notes() {
  return [
    `Messages have ${MESSAGE_BYTES} B. Delays are from the call of the publisher until the object wrote the frame; the way to the member comes on top.`,
    "Queues are messages, and KiB, that waited for one child or for the members of one leaf.",
    `${100 * HTTP_SHARE} % of the members are served over HTTP and acknowledge once a second.`,
    `Prices: ${PRICES.sources.join("; ")}, read on ${PRICES.read}. What a plan includes is not taken off.`,
    "The constants and their sources are in bench/rooms/parameters.mjs.",
  ].join("\n");
}

function table(title, rows, columns) {
  const lines = [["", ...Object.keys(columns)], ...rows.map((row) => [row.name, ...Object.values(columns).map((column) => column(row))])];
  const widths = lines[0].map((_, at) => Math.max(...lines.map((line) => line[at].length)));
  const text = (line) => line.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]) : cell.padStart(widths[at]))).join("  ");
  return `${title}\n\n${lines.map((line) => `  ${text(line)}`).join("\n")}\n`;
}

function time(ms) {
  return ms < MS_PER_SECOND ? `${Math.round(ms)} ms` : `${(ms / MS_PER_SECOND).toFixed(1)} s`;
}

function queue({ messages, bytes }) {
  return messages === 0 ? "-" : `${messages}, ${(bytes / 1024).toFixed(0)} KiB`;
}

function dollars(value) {
  return `$${value.toFixed(7)}`;
}
