// Round trips as a line, the newest at the right.

const NAMESPACE = "http://www.w3.org/2000/svg";
const WIDTH = 240;
const HEIGHT = 64;
const POINTS = 60;
/** The top of the scale, at least: small noise stays small. */
const TOP_MIN_MS = 20;

export class Plot {
  element = make("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", class: "plot", role: "img" });
  #area = make("polygon", { class: "area" });
  #line = make("polyline", { class: "line" });

  constructor() {
    this.element.append(this.#area, this.#line);
    this.show([]);
  }

  show(trips) {
    const top = Math.max(TOP_MIN_MS, ...trips) * 1.1;
    const step = WIDTH / (POINTS - 1);
    const left = WIDTH - (trips.length - 1) * step;
    const points = trips.map((ms, at) => `${(left + at * step).toFixed(1)},${(HEIGHT * (1 - ms / top)).toFixed(1)}`);
    this.#line.setAttribute("points", points.join(" "));
    this.#area.setAttribute("points", points.length > 0 ? `${left},${HEIGHT} ${points.join(" ")} ${WIDTH},${HEIGHT}` : "");
    const text = trips.length > 0 ? `Last ${trips.length} round trips: ${summary(trips).join(", ")}` : "No round trips yet";
    this.element.setAttribute("aria-label", text);
  }
}

/** Such as "median 3.1 ms", "longest 12 ms". */
export function summary(trips) {
  const sorted = trips.toSorted((a, b) => a - b);
  return [`median ${milliseconds(sorted[sorted.length >> 1])}`, `longest ${milliseconds(sorted.at(-1))}`];
}

export function milliseconds(ms) {
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

function make(name, attributes) {
  const element = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
