// docs/costs.svg: what idle connections cost a month, by transport and by where they are.

import { IDLE, idleMonth, transportsOf } from "../dollars.mjs";
import { COLOURS, WIDTH, line, picture, text } from "./svg.mjs";

const LEFT = 150;
const RIGHT = 60;
const TOP = 116;
const BAR = 12;
const GAP = 14;
const STEP = 50;

const WHERE = {
  session: "an object for each connection",
  room: "rooms of 100",
  "session by the Worker": "an object for each; the Worker keeps the clock and holds the WebSockets",
  "room by the Worker": "rooms of 100; the Worker keeps the clock and holds the WebSockets",
};

export function costs(cost) {
  const dollarsOf = (transport) => Object.keys(WHERE).map((placement) => idleMonth(cost, transport, placement));
  const groups = transportsOf(cost).map((transport) => ({ transport, dollars: dollarsOf(transport) }));
  const most = Math.ceil(Math.max(...groups.flatMap(({ dollars }) => dollars)) / STEP) * STEP;
  const height = Object.keys(WHERE).length * BAR + GAP;
  const bottom = TOP + groups.length * height;
  const length = (dollars) => Math.round((dollars / most) * (WIDTH - LEFT - RIGHT));
  const marks = Array.from({ length: most / STEP + 1 }, (_, n) => n * STEP).flatMap((mark) => {
    const x = LEFT + length(mark);
    return [line({ x1: x, y1: TOP - 6, x2: x, y2: bottom }), text({ x, y: bottom + 16, anchor: "middle", fill: "#555" }, `$${mark}`)];
  });
  const bars = groups.flatMap(({ transport, dollars }, group) => {
    const top = TOP + group * height;
    return [
      text({ x: LEFT - 10, y: top + (height - GAP) / 2 + 4, anchor: "end" }, transport),
      ...dollars.flatMap((value, n) => [
        `<rect x="${LEFT}" y="${top + n * BAR}" width="${Math.max(length(value), 1)}" height="${BAR - 2}" fill="${COLOURS[n]}"/>`,
        text({ x: LEFT + length(value) + 6, y: top + n * BAR + 9, size: 10 }, `$${value.toFixed(2)}`),
      ]),
    ];
  });
  const legend = Object.values(WHERE).flatMap((name, n) => {
    const y = 44 + n * 18;
    return [`<rect x="16" y="${y - 9}" width="10" height="10" fill="${COLOURS[n]}"/>`, text({ x: 32, y }, name)];
  });
  return picture({
    title: `US dollars a month for ${IDLE.toLocaleString("en")} idle connections`,
    height: bottom + 30,
    items: [...legend, ...marks, ...bars],
  });
}
