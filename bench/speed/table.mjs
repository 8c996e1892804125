// The figures as a table for reading.

import { OTHERS, OURS } from "./servers.mjs";

export function table(figures) {
  const servers = [OURS, ...OTHERS];
  const head = ["", "", ...servers, ...OTHERS.map((other) => `by ${other}`)];
  const rows = figures.map(({ name, unit, medians, ratios }) => [
    name,
    unit,
    ...servers.map((server) => amount(medians[server])),
    ...OTHERS.map((other) => ratio(ratios[other])),
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column].length)));
  const line = (row) => row.map((cell, column) => (column < 2 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join("  ");
  return `${[head, ...rows].map((row) => line(row).trimEnd()).join("\n")}\n`;
}

function amount(value) {
  return value >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(1);
}

/** The median and the quartiles. */
function ratio({ median, low, high }) {
  return median === null ? "-" : `${median.toFixed(2)} [${low.toFixed(2)}-${high.toFixed(2)}]`;
}
