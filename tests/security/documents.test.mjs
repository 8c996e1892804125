// SECURITY.md and docs/limits.md say what is so.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../../scripts/tools.mjs";

const read = (file) => readFileSync(join(ROOT, file), "utf8");
const rowsOf = (text) => text.split("\n").filter((line) => /^\| (?!---)/.test(line)).map((line) => line.split(" | "));

test("each row of the threat model names tests that exist", () => {
  const rows = rowsOf(read("SECURITY.md")).filter(([attack]) => attack.startsWith("| **"));
  assert.ok(rows.length >= 20);
  for (const [attack, , , shownBy] of rows) {
    const files = [...shownBy.matchAll(/`([\w./-]+\.(?:mjs|rs))`(?:: ("[^`]*?")(?=;| \|$))?/g)];
    assert.notEqual(files.length, 0, attack);
    for (const [, file, names] of files) {
      const source = read(file);
      if (names === undefined) assert.match(file, /\.rs$/, `${attack}: no test of ${file} is named`);
      for (const [, name] of (names ?? "").matchAll(/"(.*?)"/g)) {
        const isNamed = ["\"", "`"].some((quote) => new RegExp(`\\btest\\(\\s*${quote}`).test(source) && source.includes(quote + name + quote));
        assert.ok(isNamed, `${file} has no test "${name}"`);
      }
    }
  }
});

test("the table of limits has each limit of docs/options.md, with its default, and errors that the server has", () => {
  const limits = read("docs/limits.md");
  const defaults = new Map(rowsOf(read("docs/options.md")).map(([option, value]) => [/`(\w+)`/.exec(option)?.[1], value]));
  const named = rowsOf(limits).flatMap(([limit, value]) => {
    const [, option] = /^\| `(\w+)`/.exec(limit) ?? [];
    return option ? [[option, value]] : [];
  });
  assert.ok(named.length >= 14);
  for (const [option, value] of named) {
    assert.ok(defaults.get(option)?.startsWith(value.split(" ")[0]), `${option}: ${value}, not ${defaults.get(option)}`);
  }
  const isLimit = /_limit$|_limiter$|_rate$|_per_|_timeout$|_max_age$|_lifetime$/;
  for (const option of defaults.keys()) {
    if (option && isLimit.test(option)) assert.ok(named.some(([name]) => name === option), `${option} is missing`);
  }

  const sources = ["src", "durable/src", "protocol/src"].flatMap((directory) =>
    readdirSync(join(ROOT, directory), { recursive: true }).filter((name) => /\.(rs|js)$/.test(name)).map((name) => read(join(directory, name))),
  );
  // Numbers are filled in.
  const texts = rowsOf(limits).flatMap(([, , told]) => told.split("`").filter((text, n) => n % 2 === 1 && text.includes(" ")));
  assert.ok(texts.length >= 15);
  for (const text of texts) {
    const parts = text.split(/\d+|(?:body|message) is larger|(?:body|message)_limit/).filter((part) => part.trim().length > 3);
    assert.ok(parts.every((part) => sources.some((source) => source.includes(part.trim()))), text);
  }
});
