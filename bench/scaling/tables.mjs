// The figures of bench:scaling as tables, for the command and for docs/speed.md.

import { table } from "../markdown.mjs";

/** Returns by how much the cost of a message grew, from the least to the greatest number of sessions. */
export const growthOf = ({ microseconds }) => microseconds.at(-1) / microseconds[0];

export function cpuTable({ rows, sessions }) {
  const cells = (row) => [...row.microseconds.map((value) => value.toFixed(0)), growthOf(row).toFixed(2)];
  return bySessions({ rows, sessions, head: "CPU time of a message, in µs", last: "last by first", cells });
}

export function memoryTable({ rows, sessions }) {
  const cells = ({ mebibytes, most }) => {
    const each = ((mebibytes.at(-1) - mebibytes[0]) * 1_024) / (most - sessions[0]);
    return [...mebibytes.map((value) => value.toFixed(0)), each.toFixed(0)];
  };
  return bySessions({ rows, sessions, head: "resident memory of the server, in MiB", last: "KiB for each session", cells });
}

function bySessions({ rows, sessions, head, last, cells }) {
  const counts = sessions.map((count) => `${count.toLocaleString("en")} sessions`);
  const name = ({ name, most }) => (most < sessions.at(-1) ? `${name} (at most ${most.toLocaleString("en")})` : name);
  return table([head, ...counts, last], rows.map((row) => [name(row), ...cells(row)]));
}
