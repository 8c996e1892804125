// Targets in the documentation exist: files, headings, commands. Other hosts are not contacted.

import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../scripts/tools.mjs";
import { PAGES, PAGES_OF_PACKAGE, read } from "./harness/documentation/pages.mjs";

const { scripts } = JSON.parse(read("package.json"));

/** Of a page: links with their place, but for those to other hosts. */
const LINK = /\]\((?!https?:)([^)\s#]*)(?:#([^)\s]+))?\)/g;
const FILE = /`((?:src|server|durable|protocol|tests|bench|scripts|docs|examples|template|fuzz)\/[\w./-]*)`/g;
const COMMAND = /npm (?:--prefix \S+ )?(?:run ([\w:]+)|(start|test)\b)/g;

test("each link leads to a file that is there, and to a heading in it", () => {
  const dead = [...PAGES, ...PAGES_OF_PACKAGE].flatMap((page) =>
    [...read(page).matchAll(LINK)].flatMap(([link, path, heading]) => {
      const target = path ? join(dirname(page), path) : page;
      const isThere = existsSync(join(ROOT, target)) && (!heading || headings(target).includes(heading));
      return isThere ? [] : [`${page}: ${link}`];
    }),
  );
  assert.deepEqual(dead, []);
});

test("docs/README.md and README lead to each page of docs/", () => {
  for (const [index, needed] of [["docs/README.md", PAGES], ["README.md", PAGES.filter((page) => dirname(page) === "docs")]]) {
    const linked = new Set([...read(index).matchAll(LINK)].map(([, path]) => join(dirname(index), path)));
    const missing = needed.filter((page) => page.startsWith("docs/") && page !== "docs/README.md" && !linked.has(page));
    assert.deepEqual(missing, [], index);
  }
});

test("each file that is named is there", () => {
  const missing = PAGES.flatMap((page) =>
    [...read(page).matchAll(FILE)].filter(([, file]) => !existsSync(join(ROOT, file))).map(([, file]) => `${page}: ${file}`),
  );
  assert.deepEqual(missing, []);
});

test("each command of npm's that is named is there, and CONTRIBUTING names each that is", () => {
  const named = (page) => [...read(page).matchAll(COMMAND)].map(([, run, own]) => run ?? own);
  // These pages show those of the template for TypeScript, too.
  const template = JSON.parse(read("typescript/template/package.json")).scripts;
  const isThere = (page, name) => scripts[name] || (["README.md", "docs/typescript.md"].includes(page) && template[name]);
  const unknown = PAGES.flatMap((page) => named(page).filter((name) => !isThere(page, name)).map((name) => `${page}: ${name}`));
  assert.deepEqual(unknown, []);
  const explained = new Set(named("CONTRIBUTING.md"));
  assert.deepEqual(Object.keys(scripts).filter((name) => !explained.has(name)), []);
});

test("CHANGELOG names the workerd of the newest version: a cluster goes back only to a version with the same", () => {
  const { workerd } = JSON.parse(read("package.json")).devDependencies;
  assert.match(read("CHANGELOG.md"), new RegExp(`^# Changelog\n\n## .*\n\nWith workerd ${workerd.replaceAll(".", "\\.")}\\.\n`));
});

test("CONTRIBUTING names each folder of tests/", () => {
  const contributing = read("CONTRIBUTING.md");
  const folders = readdirSync(join(ROOT, "tests"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  assert.deepEqual(folders.map(({ name }) => name).filter((name) => !contributing.includes(`\`${name}/\``)), []);
});

/** As GitHub names them in addresses. */
function headings(page) {
  const text = read(page).replace(/^```.*?^```/gms, "");
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading.toLowerCase().replace(/[^\p{L}\p{N}_ -]/gu, "").replaceAll(" ", "-"),
  );
}
