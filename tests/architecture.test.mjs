// The arrow is server -> root -> durable -> protocol, and the protocol knows neither runtime nor clock. What the documentation draws
// and names is what there is.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { follow } from "../scripts/run.mjs";
import { ROOT, WASM_TARGET, readToml, rustEnvironment } from "../scripts/tools.mjs";

const RUNTIME = ["worker", "worker-sys", "worker-macros", "js-sys", "web-sys", "wasm-bindgen", "wasm-bindgen-futures"];
const CLOCKS = ["chrono", "time", "instant", "web-time", "jiff", "quanta", "wasm-timer", "coarsetime"];
const RANDOMNESS = ["rand", "rand_core", "getrandom", "fastrand", "uuid"];

test("the protocol crate depends on no runtime, no clock and no randomness", async () => {
  const crates = await dependencies("sockjs-protocol");
  assert.ok(crates.includes("serde_json"), "the list of dependencies is complete");
  const forbidden = [...RUNTIME, ...CLOCKS, ...RANDOMNESS].filter((name) => crates.includes(name));
  assert.deepEqual(forbidden, []);
});

test("the crates depend on one another in one direction: server, root, durable, protocol", async () => {
  const ours = async (crate) => (await dependencies(crate)).filter((name) => name.startsWith("sockjs-")).sort();
  assert.deepEqual(await ours("sockjs-protocol"), []);
  assert.deepEqual(await ours("sockjs-durable"), ["sockjs-protocol"]);
  assert.deepEqual(await ours("sockjs-edge"), ["sockjs-durable", "sockjs-protocol"]);
  assert.deepEqual(await ours("sockjs-server"), ["sockjs-durable", "sockjs-edge", "sockjs-protocol"]);
});

test("the protocol's sources read no clock of the standard library", () => {
  const directory = join(ROOT, "protocol/src");
  const files = readdirSync(directory, { recursive: true }).filter((name) => name.endsWith(".rs"));
  assert.notEqual(files.length, 0);
  const code = (file) => readFileSync(join(directory, file), "utf8").replace(/\/\/.*/g, "");
  assert.deepEqual(files.filter((file) => /\b(Instant|SystemTime)\b/.test(code(file))), []);
});

test("the crate page names all that the root crate exports", () => {
  // What has a feature of its own is no part of the page's links.
  const lib = text("src/lib.rs").replace(/^#\[cfg\(feature = "\w+"\)\]\n.*\n/gm, "");
  const exported = [...lib.matchAll(/^pub use (?:[\w:]+::)(?:\{([^}]*)\}|(\w+));/gm)].flatMap(([, list, one]) =>
    (list ?? one).split(",").map((name) => name.trim()).filter(Boolean),
  );
  // A macro is exported by the crate, wherever it stands.
  for (const name of readdirSync(join(ROOT, "src"), { recursive: true }).filter((name) => name.endsWith(".rs"))) {
    exported.push(...[...text(join("src", name)).matchAll(/^#\[macro_export\]\nmacro_rules! (\w+)/gm)].map(([, macro]) => macro));
  }
  const page = lib.split("\n").filter((line) => line.startsWith("//!")).join("\n");
  const named = new Set([...page.matchAll(/\[`(\w+)!?`\]/g)].map(([, name]) => name));
  assert.ok(exported.includes("Handler") && exported.includes("export"), "the list is complete");
  assert.deepEqual(exported.filter((name) => !named.has(name)), []);
});

const CRATES = { src: ".", durable: "durable", protocol: "protocol" };

// The folders of each crate that has an order: a folder imports only from folders before it. Modules beside them count as one more
// folder each; the crate's root module may import from all.
const FOLDERS = {
  src: ["js", "http", "admission", "metrics", "object", "transports", "push", "entry"],
  durable: ["js", "info", "peers", "observe", "store", "connection", "application", "upstream", "testing", "object", "export"],
};

for (const [crate, folders] of Object.entries(FOLDERS)) {
  test(`a folder of ${crate}/src imports only from folders before it`, () => {
    const directory = join(ROOT, crate === "src" ? "src" : `${crate}/src`);
    const files = rustFiles(directory);
    const found = new Set(files.map(folderOf).filter((folder) => folder !== "lib"));
    assert.deepEqual([...found].sort(), [...folders].sort(), "the list has each folder");
    const exported = exportsOf(code(join(directory, "lib.rs")));
    const backward = files.flatMap((file) => {
      const own = folders.indexOf(folderOf(file));
      if (own < 0) return [];
      const imports = importsOf(code(join(directory, file)));
      const later = imports.filter((name) => folders.indexOf(exported.get(name) ?? name) > own);
      return later.map((name) => `${file} imports ${name}`);
    });
    assert.deepEqual(backward, []);
  });
}

test("the object is named only in its own folder and in the export of its class", () => {
  const directory = join(ROOT, "durable/src");
  const others = rustFiles(directory).filter((file) => !["object", "export"].includes(folderOf(file)));
  assert.notEqual(others.length, 0);
  assert.deepEqual(others.filter((file) => /\bObject\b/.test(code(join(directory, file)))), []);
});

test("the checker of imports sees each form of an import", () => {
  const source = `
    use crate::first::thing;
    use crate::{second, third::{Deep, other}, fourth as alias};
    fn body() { crate::fifth::call() }
    // use crate::comment::none;
  `;
  assert.deepEqual(importsOf(stripped(source)), ["first", "second", "third", "fourth", "fifth"]);
});

/** The names of the modules of its own crate that a source names by their path. */
function importsOf(source) {
  return [...source.matchAll(/\bcrate::(?:(\w+)|\{)/g)].flatMap(({ 1: one, index, 0: start }) => {
    if (one) return [one];
    const names = [];
    let depth = 1;
    let begins = true;
    for (const [token] of source.slice(index + start.length).matchAll(/\w+|[{},]/g)) {
      if (token === "{") depth += 1;
      else if (token === "}") depth -= 1;
      else if (token !== "," && begins && depth === 1) names.push(token);
      begins = token === "," && depth === 1;
      if (depth === 0) break;
    }
    return names;
  });
}

/** The folder of each item that a crate's root module exports: whoever imports it from there imports that folder. */
function exportsOf(root) {
  const lists = root.matchAll(/^pub use (\w+)::(?:\w+::)*(?:\{([^}]*)\}|(\w+));/gm);
  return new Map([...lists].flatMap(([, folder, list, one]) => (list ?? one).match(/\w+/g).map((name) => [name, folder])));
}

function rustFiles(directory) {
  return readdirSync(directory, { recursive: true }).filter((name) => name.endsWith(".rs"));
}

/** The folder of a source, or its name where it lies in none. */
function folderOf(file) {
  return file.split(/[\\/]/)[0].replace(/\.rs$/, "");
}

function code(file) {
  return stripped(readFileSync(file, "utf8"));
}

function stripped(source) {
  return source.replace(/\/\/.*/g, "");
}

test("the diagram in docs/architecture.md has the dependencies between the crates", () => {
  const [, diagram] = /```mermaid\n(.*?)```/s.exec(text("docs/architecture.md"));
  const arrows = [...diagram.matchAll(/^ *(\w+)(?:\[.*?\])? -\.-> (\w+)/gm)].map(([, from, to]) => `${from} to ${to}`);
  const needed = Object.entries(CRATES).flatMap(([room, folder]) => {
    const names = Object.keys(readToml(join(folder, "Cargo.toml")).dependencies);
    return names.filter((name) => name.startsWith("sockjs-")).map((name) => `${room} to ${name.replace("sockjs-", "")}`);
  });
  assert.deepEqual(arrows.sort(), needed.sort());
});

/** Matches the function or method of a name, by the ending of its file. */
const FUNCTION = {
  rs: (name) => new RegExp(`\\bfn ${name}\\b`),
  js: (name) => new RegExp(`^(export )?(async )?function ${name}\\(|^(export )?const ${name} =|^ +(async )?${name}\\([^()]*\\) \\{$`, "m"),
  sh: (name) => new RegExp(`^${name}\\(\\) \\{`, "m"),
};

test("the ways through the code in docs/architecture.md name functions that exist", () => {
  const [, section] = /## Ways through the code\n(.*?)\n## /s.exec(text("docs/architecture.md"));
  const steps = [...section.matchAll(/`([\w/]+\.(\w+))::(#?\w+)`/g)];
  for (const language of Object.keys(FUNCTION)) assert.ok(steps.some(([, , ending]) => ending === language), `functions in .${language}`);
  const missing = steps.filter(([, file, language, name]) => !FUNCTION[language]?.(name).test(text(file))).map(([step]) => step);
  assert.deepEqual(missing, []);
});

test("the diagram above the session has the phases of the code", () => {
  const source = text("protocol/src/sockjs/session/mod.rs");
  const [, phases] = /^enum Phase \{\n(.*?)^\}/ms.exec(source);
  const names = [...phases.matchAll(/^    (\w+)/gm)].map(([, name]) => name.toLowerCase());
  const [, outer] = /```text\n(.*?)within open and closing/s.exec(source);
  const words = new Set(outer.replace(/^.*\n/, "").match(/(?:(?<=^\/\/\/ +)|(?<=▶ ))[a-z]+/gm));
  assert.deepEqual([...words].sort(), ["new", ...names].sort());
});

function text(file) {
  return readFileSync(join(ROOT, file), "utf8");
}

/** The names of all crates that end up in a Worker with `crate`: those of its tests and build scripts do not count. */
async function dependencies(crate) {
  const selection = ["--package", crate, "--edges", "normal", "--target", WASM_TARGET];
  const args = ["tree", "--offline", "--locked", ...selection, "--prefix", "none", "--format", "{p}"];
  const { code, output } = await follow("cargo", args, { cwd: ROOT, env: rustEnvironment() });
  assert.equal(code, 0, output);
  const names = output.split("\n").flatMap((line) => /^(\S+) v\d/.exec(line)?.[1] ?? []);
  return [...new Set(names)].filter((name) => name !== crate);
}
