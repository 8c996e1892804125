// What the documentation points at is there: files, headings, commands. Other hosts are not asked.

import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../scripts/tools.mjs";

const FOLDERS = ["docs", "durable", "examples", "protocol", "template"];
const PAGES = [...pagesOf("."), ...FOLDERS.flatMap((folder) => pagesOf(folder, { recursive: true }))];
const { scripts } = JSON.parse(read("package.json"));

/** Of a page: links with their place, but for those to other hosts. */
const LINK = /\]\((?!https?:)([^)\s#]*)(?:#([^)\s]+))?\)/g;
const FILE = /`((?:src|server|durable|protocol|tests|bench|scripts|docs|examples|template|fuzz)\/[\w./-]*)`/g;
const COMMAND = /npm (?:--prefix \S+ )?(?:run ([\w:]+)|(start|test)\b)/g;

test("each link leads to a file that is there, and to a heading in it", () => {
  const dead = PAGES.flatMap((page) =>
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

test("the costs of docs/costs.md are those of docs/deploying.md: of several transports the most expensive one", () => {
  const COLUMNS = ["opened", "messages in", "messages out", "closed", "idle"];
  const GROUPS = [["websocket"], ["xhr-streaming", "eventsource", "htmlfile"], ["xhr-polling", "jsonp-polling"]];
  const rowsOf = (page) => read(page).split("\n").filter((line) => line.startsWith("| ")).map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
  const measured = new Map(rowsOf("docs/deploying.md").filter(([name]) => /^`[\w-]+`, (session|room)( by the Worker)?$/.test(name)).map(([name, ...figures]) => [name, figures.map(Number)]));
  assert.equal(measured.size, 28);
  const shown = (figure) => (figure < 10 ? figure.toFixed(2) : figure.toFixed(0));
  const most = (column, placement) => GROUPS.map((group) => shown(Math.max(...group.map((name) => measured.get(`\`${name}\`, ${placement}`)[COLUMNS.indexOf(column)]))));
  const told = new Map(rowsOf("docs/costs.md").map(([name, ...figures]) => [name, figures]));
  for (const [row, column, placement] of [
    ["a million connections opened", "opened", "session"],
    ["a million messages in", "messages in", "session"],
    ["a million messages out", "messages out", "session"],
    ["a million connections closed", "closed", "session"],
    ["1,000 idle connections a month, an object each", "idle", "session"],
    ["the same, where the Worker keeps the clock and holds the WebSockets", "idle", "session by the Worker"],
    ["1,000 idle connections a month, in rooms of 100", "idle", "room"],
  ]) {
    assert.deepEqual(told.get(row), most(column, placement), row);
  }
});

/** As GitHub names them in addresses. */
function headings(page) {
  const text = read(page).replace(/^```.*?^```/gms, "");
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading.toLowerCase().replace(/[^\p{L}\p{N}_ -]/gu, "").replaceAll(" ", "-"),
  );
}

function pagesOf(folder, options) {
  const names = readdirSync(join(ROOT, folder), options).filter((name) => name.endsWith(".md"));
  return names.map((name) => join(folder, name));
}

function read(file) {
  return readFileSync(join(ROOT, file), "utf8");
}
