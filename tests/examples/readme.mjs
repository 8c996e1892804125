// What the README says of an application.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../scripts/tools.mjs";

/** The files of its section "An application", by their names: each is named in the line before its block. */
export function readmeFiles() {
  const [, section] = readFileSync(join(ROOT, "README.md"), "utf8").split("\n## An application\n");
  const blocks = section.split("\n## ")[0].matchAll(/^[^\n]*`([\w./]+)`[^\n]*:\n\n```(?:rust|toml)\n(.*?)^```$/gms);
  return Object.fromEntries([...blocks].map(([, name, text]) => [name, text]));
}

/** The command that its reader ends with, `npx wrangler@4 dev`, as arguments for wrangler. */
export function readmeDevArguments() {
  const [, args] = /^npx wrangler@4 dev (.*?) +#/m.exec(readFileSync(join(ROOT, "README.md"), "utf8"));
  return args.split(" ");
}
