// The figures as a picture: this server and sockjs-node by the floor, on a logarithmic axis.

import { OURS } from "./servers.mjs";

const FLOOR = "floor";
const NODE = "sockjs-node";
const WIDTH = 820;
const LEFT = 330;
const RIGHT = 30;
const ROW = 20;
const TOP = 62;
const MARKS = [0.25, 0.5, 1, 2, 4, 8];
const FONT = "font-family=\"system-ui, sans-serif\"";

/** What is told in docs/speed.md: throughput where much is in flight, and memory. */
export function shown(figures) {
  const crowded = ({ kind, options: { inFlight } }) => kind === "rate" && inFlight !== 1;
  const isKnown = ({ medians }) => Object.values(medians).every((median) => median > 0);
  return figures.filter((figure) => (crowded(figure) || figure.kind === "rss") && isKnown(figure));
}

export function plot(figures) {
  const rows = shown(figures);
  const bottom = TOP + rows.length * ROW;
  const height = bottom + 34;
  const lines = MARKS.map((mark) => {
    const stroke = mark === 1 ? "#444" : "#ddd";
    return `<line x1="${x(mark)}" y1="${TOP - 6}" x2="${x(mark)}" y2="${bottom}" stroke="${stroke}"/>
<text x="${x(mark)}" y="${bottom + 16}" text-anchor="middle" fill="#555">${mark}</text>`;
  });
  const items = rows.flatMap(({ name, more, medians }, row) => {
    const y = TOP + row * ROW + ROW / 2;
    const note = more === "worse" ? " (less is better)" : "";
    return [
      `<text x="${LEFT - 16}" y="${y + 4}" text-anchor="end" fill="#222">${escaped(name + note)}</text>`,
      `<circle cx="${x(medians[NODE] / medians[FLOOR])}" cy="${y}" r="4" fill="#fff" stroke="#888" stroke-width="2"/>`,
      `<circle cx="${x(medians[OURS] / medians[FLOOR])}" cy="${y}" r="5" fill="#c2410c"/>`,
    ];
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" ${FONT} font-size="12">
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
<text x="16" y="22" font-size="15" fill="#222">Speed by the floor, the least JavaScript that speaks the same frames from a Durable Object</text>
<circle cx="22" cy="40" r="5" fill="#c2410c"/><text x="34" y="44" fill="#222">${OURS}</text>
<circle cx="132" cy="40" r="4" fill="#fff" stroke="#888" stroke-width="2"/><text x="144" y="44" fill="#222">${NODE} 0.3.24, one process</text>
${[...lines, ...items].join("\n")}
</svg>
`;
}

function x(ratio) {
  const [low, high] = [Math.log2(MARKS[0]), Math.log2(MARKS.at(-1))];
  const at = Math.min(Math.max(Math.log2(ratio), low), high); // what is beyond the axis stands at its end
  return Math.round(LEFT + ((at - low) / (high - low)) * (WIDTH - LEFT - RIGHT));
}

function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
