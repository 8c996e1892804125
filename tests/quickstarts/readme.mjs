// The quick starts that README shows.

import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The server that each of them starts. */
export const ORIGIN = "http://127.0.0.1:8787";

/** Returns them by the words in bold above them: the prefix of the service, and the lines of the shell. */
export function readQuickStarts(repository) {
  const [, section] = /\n## Quick start\n([^]*?)\n## /.exec(readFileSync(join(repository, "README.md"), "utf8")) ?? [];
  const found = section?.matchAll(/^\*\*An? (.+?)\*\* \(`(\/\w+)`\)[^]*?```sh\n([^]*?)```$/gm) ?? [];
  return Object.fromEntries([...found].map(([, title, prefix, block]) => [title, { prefix, lines: block.trimEnd().split("\n") }]));
}

/** Adds to the lines for Rust what docs/rust.md says: the versions that the clone's programs fit. */
export function withVersionsOfClone([copy, ...lines]) {
  return [copy, "cp ../sockjs-edge/Cargo.lock .", ...lines];
}
