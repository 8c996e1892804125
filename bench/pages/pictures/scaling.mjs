// docs/scaling.svg: the CPU time of a message and the server's memory, by the number of sessions.

import { COLOURS, WIDTH, line, logarithmic, picture, text } from "./svg.mjs";

const PANEL = { width: 350, height: 260, top: 70 };
const LEFTS = [50, 450];
const LEGEND_ROW = 18;
const COLUMNS = 2;

export function scaling({ sessions, rows }) {
  const legendTop = PANEL.top + PANEL.height + 48;
  const legend = rows.map(({ name }, n) => {
    const [x, y] = [20 + (n % COLUMNS) * (WIDTH / COLUMNS), legendTop + Math.floor(n / COLUMNS) * LEGEND_ROW];
    return `<line x1="${x}" y1="${y - 4}" x2="${x + 24}" y2="${y - 4}" ${stroke(n)}/>${text({ x: x + 32, y }, name)}`;
  });
  return picture({
    title: "CPU time and memory with more sessions",
    height: legendTop + Math.ceil(rows.length / COLUMNS) * LEGEND_ROW,
    items: [
      ...panel({ title: "CPU time of a message, µs", left: LEFTS[0], sessions, rows, value: "microseconds" }),
      ...panel({ title: "Resident memory of the server, MiB", left: LEFTS[1], sessions, rows, value: "mebibytes" }),
      ...legend,
    ],
  });
}

function panel({ title, left, sessions, rows, value }) {
  const [right, bottom] = [left + PANEL.width - 20, PANEL.top + PANEL.height];
  const values = rows.flatMap((row) => row[value]);
  const marks = doublings(Math.min(...values), Math.max(...values));
  const x = logarithmic({ low: sessions[0], high: sessions.at(-1), from: left, to: right });
  const y = logarithmic({ low: marks[0], high: marks.at(-1), from: bottom, to: PANEL.top });
  return [
    text({ x: left - 30, y: PANEL.top - 20 }, title),
    ...marks.flatMap((mark) => [
      line({ x1: left, y1: y(mark), x2: right, y2: y(mark) }),
      text({ x: left - 6, y: y(mark) + 4, anchor: "end", fill: "#555" }, mark),
    ]),
    ...sessions.map((count) => text({ x: x(count), y: bottom + 16, anchor: "middle", fill: "#555" }, count.toLocaleString("en"))),
    ...rows.map((row, n) => {
      const points = row[value].map((each, at) => `${x(Math.min(sessions[at], row.most))},${y(each)}`);
      return `<polyline points="${points.join(" ")}" fill="none" ${stroke(n)}/>`;
    }),
  ];
}

/** Returns the powers of two from below `least` to above `most`. */
function doublings(least, most) {
  const [from, to] = [Math.floor(Math.log2(least)), Math.ceil(Math.log2(most))];
  return Array.from({ length: to - from + 1 }, (_, n) => 2 ** (from + n));
}

/** Every second line is dashed, for readers who see no colours. */
function stroke(n) {
  return `stroke="${COLOURS[n % COLOURS.length]}" stroke-width="2"${n % 2 === 1 ? ' stroke-dasharray="5 3"' : ""}`;
}
