// docs/speed.svg: this server and sockjs-node, each divided by the floor.

import { COLOURS, WIDTH, line, logarithmic, picture, text } from "./svg.mjs";

const [OURS, FLOOR, NODE] = ["sockjs-edge", "floor", "sockjs-node"];
const LEFT = 330;
const RIGHT = 30;
const ROW = 20;
const TOP = 62;
const MARKS = [0.25, 0.5, 1, 2, 4, 8];
const x = logarithmic({ low: MARKS[0], high: MARKS.at(-1), from: LEFT, to: WIDTH - RIGHT });

export function speed({ figures }) {
  const rows = shown(figures);
  const bottom = TOP + rows.length * ROW;
  const marks = MARKS.flatMap((mark) => [
    line({ x1: x(mark), y1: TOP - 6, x2: x(mark), y2: bottom, stroke: mark === 1 ? "#444" : "#ddd" }),
    text({ x: x(mark), y: bottom + 16, anchor: "middle", fill: "#555" }, mark),
  ]);
  const points = rows.flatMap(({ name, more, medians }, row) => {
    const y = TOP + row * ROW + ROW / 2;
    const note = more === "worse" ? " (less is better)" : "";
    return [
      text({ x: LEFT - 16, y: y + 4, anchor: "end" }, name + note),
      theirs(x(medians[NODE] / medians[FLOOR]), y),
      ours(x(medians[OURS] / medians[FLOOR]), y),
    ];
  });
  const legend = [ours(22, 40), text({ x: 34, y: 44 }, OURS), theirs(132, 40), text({ x: 144, y: 44 }, `${NODE} 0.3.24, one process`)];
  return picture({
    title: "Speed by the floor, the least JavaScript that speaks the same frames from a Durable Object",
    height: bottom + 34,
    items: [...legend, ...marks, ...points],
  });
}

/** Returns throughput with many messages in flight, and memory. */
function shown(figures) {
  const crowded = ({ kind, options: { inFlight } }) => kind === "rate" && inFlight !== 1;
  const isKnown = ({ medians }) => Object.values(medians).every((median) => median > 0);
  return figures.filter((figure) => (crowded(figure) || figure.kind === "rss") && isKnown(figure));
}

const ours = (x, y) => `<circle cx="${x}" cy="${y}" r="5" fill="${COLOURS[0]}"/>`;
const theirs = (x, y) => `<circle cx="${x}" cy="${y}" r="4" fill="#fff" stroke="#888" stroke-width="2"/>`;
