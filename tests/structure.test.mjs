// The arrangement of the tests: test folders share what is in tests/harness/, and a fact that a test copies from a source names
// the file that it is copied from.

import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { test } from "node:test";
import ts from "typescript";
import { ROOT } from "../scripts/tools.mjs";

const TESTS = join(ROOT, "tests");
const SHARED = "harness";
const FOLDERS = readdirSync(TESTS, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name);
/** All modules with their texts. bench/ measures with the same harness. */
const MODULES = ["tests", "bench"].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true })
    .filter((name) => name.endsWith(".mjs"))
    .map((name) => ({ file: join(folder, name), text: readFileSync(join(ROOT, folder, name), "utf8") })),
);

/** A path of another module: of an import, a dynamic one, or a file that is given to a server. */
const SPECIFIER = /(?:\bfrom|\bimport|\bimport\(|\bnew URL\()\s*"(\.[^"]+)"/g;
/** A comment that is the name of a source file, and the lines of constants below it, which are copied from there. */
const COPIED = /^\/\*\* ([\w/-]+\.rs)\. \*\/\n((?:(?:export )?const .*\n)+)/gm;
const SOURCE = /(?<![\w/.])(?:protocol|durable|server|src)\/[\w/-]+\.rs\b/g;

test("no test folder imports from another one: what they share is in the harness", () => {
  assert.ok(FOLDERS.includes(SHARED));
  const wrong = MODULES.flatMap(({ file, text }) =>
    [...text.matchAll(SPECIFIER)]
      .map(([, path]) => relative(ROOT, resolve(ROOT, dirname(file), path)))
      .filter((target) => !mayImport(file, target))
      .map((target) => `${file} imports ${target}`),
  );
  assert.deepEqual(wrong, []);
});

test("each file in the harness says what lives there", () => {
  const silent = MODULES.filter(({ file, text }) => folderOf(file) === SHARED && !text.startsWith("// "));
  assert.deepEqual(silent.map(({ file }) => file), []);
});

test("each source that a comment in the tests names is there", () => {
  const comments = (text) => text.match(/\/\*\*[^]*?\*\/|\/\/.*/g) ?? [];
  const named = MODULES.flatMap(({ file, text }) =>
    comments(text).flatMap((comment) => [...comment.matchAll(SOURCE)].map(([source]) => ({ file, source }))),
  );
  assert.notEqual(named.length, 0);
  const missing = named.filter(({ source }) => !existsSync(join(ROOT, source)));
  assert.deepEqual(missing.map(({ file, source }) => `${file}: ${source}`), []);
});

// Node 22 runs the `after` hooks of a file once all tests that it knows have ended, even if the file has not.
test("no test file awaits anything once it has a test: its servers might be gone before the next", () => {
  for (const late of [
    'test("a"); await b();',
    'test.skip("a"); const b = await c();',
    'for (const a of b) { await c(); test("a"); }',
    'cases.forEach(() => test("a")); await b();',
    'testsOf("a"); for await (const b of c) d = b;',
  ]) {
    assert.ok(awaitsAfterTest(late), late);
  }
  for (const early of ['after(a); const b = await c(); test("d", async () => { await e(); });', 'for (const a of await b()) test("c");']) {
    assert.ok(!awaitsAfterTest(early), early);
  }
  const files = MODULES.filter(({ file }) => file.endsWith(".test.mjs"));
  assert.notEqual(files.length, 0);
  assert.deepEqual(files.filter(({ text }) => awaitsAfterTest(text)).map(({ file }) => file), []);
});

test("each constant that is copied from a source is there under its name", () => {
  const copies = MODULES.flatMap(({ file, text }) =>
    [...text.matchAll(COPIED)].flatMap(([, source, lines]) =>
      [...lines.matchAll(/const (\w+)/g)].map(([, name]) => ({ file, source, name })),
    ),
  );
  assert.notEqual(copies.length, 0);
  const isThere = ({ source, name }) => {
    const path = join(ROOT, source);
    return existsSync(path) && new RegExp(`\\b${name}\\b`, "i").test(readFileSync(path, "utf8"));
  };
  const missing = copies.filter((copy) => !isThere(copy));
  assert.deepEqual(missing.map(({ file, source, name }) => `${file}: ${name} of ${source}`), []);
});

/** The folder of tests/ that a path lies in, if any. */
function folderOf(path) {
  const [first, folder] = path.split(sep);
  return first === "tests" && FOLDERS.includes(folder) ? folder : undefined;
}

/** True if a module may import `target`: one of its own folder, of the harness, or of no folder of tests. */
function mayImport(file, target) {
  const folder = folderOf(target);
  return folder === undefined || folder === SHARED || folder === folderOf(file);
}

/** The call of a function that makes tests: one of Node's, or one of the file's own whose name begins in that way. */
const TEST = /\b(?:test\w*|describe|it|suite)(?:\.\w+)?\(/;

/** True if top-level code of a module may await something after it made a test. */
function awaitsAfterTest(text) {
  const tests = [];
  const awaits = [];
  // What stands in a loop may come as late as at the end of the loop.
  const visit = (node, loopEnd) => {
    if (ts.isFunctionLike(node) || ts.isClassLike(node)) return;
    if (ts.isExpressionStatement(node) && ts.isCallExpression(node.expression) && TEST.test(node.getText())) tests.push(node.pos);
    if (ts.isAwaitExpression(node) || node.awaitModifier) awaits.push(loopEnd ?? node.pos);
    const isRepeated = (child) => ts.isIterationStatement(node, false) && child === node.statement;
    ts.forEachChild(node, (child) => visit(child, loopEnd ?? (isRepeated(child) ? node.end : undefined)));
  };
  visit(ts.createSourceFile("test.mjs", text, ts.ScriptTarget.ESNext, true));
  return awaits.some((at) => tests.some((test) => test < at));
}
