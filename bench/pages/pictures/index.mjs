// The pictures of the docs. Each is drawn from a file in docs/figures/ that a command wrote.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../../scripts/tools.mjs";
import { readFigures } from "../tables.mjs";
import { costs } from "./costs.mjs";
import { scaling } from "./scaling.mjs";
import { speed } from "./speed.mjs";

/** By the picture's path: the file, and what draws it as SVG. */
export const PICTURES = {
  "docs/speed.svg": { file: "speed.json", draw: speed },
  "docs/scaling.svg": { file: "scaling.json", draw: scaling },
  "docs/costs.svg": { file: "cost.json", draw: costs },
};

const drawn = ({ file, draw }) => draw(readFigures(file));

/** Returns the text of a picture as it is, and as it should be. */
export function comparePicture(path) {
  return { is: readFileSync(join(ROOT, path), "utf8"), should: drawn(PICTURES[path]) };
}

export function writePicture(path) {
  writeFileSync(join(ROOT, path), drawn(PICTURES[path]));
}
