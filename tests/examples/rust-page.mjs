// The application that docs/rust.md shows.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../scripts/tools.mjs";

/** The files of its section "The application", by their names: each is named in the line before its block. */
export function shownFiles() {
  const [, section] = readFileSync(join(ROOT, "docs/rust.md"), "utf8").split("\n## The application\n");
  const blocks = section.split("\n## ")[0].matchAll(/^[^\n]*`([\w./]+)`[^\n]*:\n\n```(?:rust|toml)\n(.*?)^```$/gms);
  return Object.fromEntries([...blocks].map(([, name, text]) => [name, text]));
}

