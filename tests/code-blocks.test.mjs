// Blocks of code in the documentation parse in their languages. Other tests show that the largest of them work.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { parse as parseToml } from "smol-toml";
import ts from "typescript";
import { parseAllDocuments } from "yaml";
import { ROOT, rustEnvironment } from "../scripts/tools.mjs";
import { PAGES, PAGES_OF_PACKAGE, read } from "./harness/documentation/pages.mjs";

/** A fence, its language and its text. A block in a list is indented. */
const BLOCK = /^( *)```(\w*)\n(.*?)^\1```$/gms;
/** Formats without a parser here. */
const UNREAD = ["caddyfile", "haproxy", "ini", "mermaid", "nginx", "promql", "python", "text"];

/** By language: throws if a text is none of it. */
const READERS = {
  sh: (text) => check("/bin/sh", ["-n"], text),
  rust: (text) => readInside(rust, text, ["", ""], ["async fn statements() {", "}"], ["fn arms() { match () {", "} }"]),
  json: JSON.parse,
  jsonc: (text) => assert.equal(ts.parseConfigFileTextToJson("block.jsonc", text).error, undefined),
  toml: parseToml,
  yaml: (text) => assert.deepEqual(parseAllDocuments(text).flatMap(({ errors }) => errors), []),
  js: script,
  ts: (text) => readInside(script, text, ["", ""], ["({", "})"]),
  diff: (text) => {
    const lines = text.trimEnd().split("\n");
    assert.deepEqual(lines.filter((line) => !/^(?:[-+ ]|$)/.test(line)), []);
    for (const other of ["+", "-"]) {
      const side = lines.filter((line) => !line.startsWith(other));
      script(side.map((line) => line.slice(1)).join("\n"));
    }
  },
};

function check(command, args, input, options) {
  const { status, stderr } = spawnSync(command, args, { input, encoding: "utf8", ...options });
  assert.equal(status, 0, stderr);
}

/** Reads a part of a file with what stands around it, which is one of several. Otherwise the error of the first counts. */
function readInside(read, text, ...frames) {
  const errors = frames.map(([before, after]) => errorOf(() => read(`${before}\n${text}\n${after}`)));
  if (errors.every(Boolean)) throw errors[0];
}

function errorOf(body) {
  try {
    body();
  } catch (error) {
    return error;
  }
}

function rust(text) {
  check("rustfmt", ["--edition", "2024"], text, { cwd: ROOT, env: rustEnvironment() });
}

function script(text) {
  const { diagnostics } = ts.transpileModule(text, { reportDiagnostics: true, compilerOptions: { target: ts.ScriptTarget.ESNext } });
  assert.deepEqual(diagnostics.map(({ messageText }) => messageText), []);
}

const pages = [...PAGES, ...PAGES_OF_PACKAGE];
const blocks = pages.flatMap((page) =>
  [...read(page).matchAll(BLOCK)].map(([, indent, language, text]) => {
    return { page, language, text: text.replaceAll(new RegExp(`^${indent}`, "gm"), "") };
  }),
);

test("each fence belongs to a block, which names its language", () => {
  for (const page of pages) {
    const fences = read(page).match(/```/g)?.length ?? 0;
    assert.equal(blocks.filter((block) => block.page === page).length * 2, fences, page);
  }
  assert.deepEqual(blocks.filter(({ language }) => !(language in READERS) && !UNREAD.includes(language)), []);
});

for (const [language, reader] of Object.entries(READERS)) {
  test(`each block of ${language} can be read`, () => {
    const ofLanguage = blocks.filter((block) => block.language === language);
    assert.notEqual(ofLanguage.length, 0);
    for (const { page, text } of ofLanguage) {
      try {
        reader(text);
      } catch (error) {
        assert.fail(`${page}: ${error.message}\n${text}`);
      }
    }
  });
}
