// The pages of the documentation.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../../scripts/tools.mjs";

const FOLDERS = ["cluster", "docs", "durable", "examples", "protocol", "template"];

/** Paths of all pages but those of the package. */
export const PAGES = [...pagesOf("."), ...FOLDERS.flatMap((folder) => pagesOf(folder, { recursive: true }))];
/** These name the files and commands of a package of their own. */
export const PAGES_OF_PACKAGE = pagesOf("typescript", { recursive: true });

function pagesOf(folder, options) {
  const names = readdirSync(join(ROOT, folder), options).filter((name) => name.endsWith(".md"));
  return names.map((name) => join(folder, name));
}

/** Returns the text of a file of the project. */
export function read(file) {
  return readFileSync(join(ROOT, file), "utf8");
}
