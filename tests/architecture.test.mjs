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
  const lib = text("src/lib.rs");
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

/** The folders of a crate, each of which may use those before it. */
const FOLDERS = { src: ["js", "http", "admission", "metrics", "object", "transports", "push", "entry"] };

test("a folder uses only those that come before it", () => {
  for (const [crate, folders] of Object.entries(FOLDERS)) {
    const names = readdirSync(join(ROOT, crate), { recursive: true }).filter((name) => name.endsWith(".rs"));
    for (const name of names.filter((name) => name !== "lib.rs")) {
      const own = folders.indexOf(name.split(/[/.]/)[0]);
      assert.notEqual(own, -1, `${crate}/${name} is in a folder that is listed`);
      const used = [...text(join(crate, name)).replace(/\/\/.*/g, "").matchAll(/(?<!\$)\bcrate::(?:\{)?(\w+)/g)];
      const later = used.map(([, folder]) => folder).filter((folder) => folders.indexOf(folder) > own);
      assert.deepEqual(later, [], `${crate}/${name}`);
    }
  }
});

test("the map in docs/architecture.md has each module of each crate, once", () => {
  const rows = [...text("docs/architecture.md").matchAll(/^\| (?:`(\w+)\/`)? ?\| [^|]+ \| (`\w+`(?:, `\w+`)*) \|$/gm)];
  const mapped = {};
  let room;
  for (const [, crate = room, modules] of rows) {
    room = crate;
    (mapped[room] ??= []).push(...[...modules.matchAll(/\w+/g)].map(([name]) => name));
  }
  const found = Object.entries(CRATES).map(([room, folder]) => {
    const modules = text(join(folder, "src/lib.rs")).matchAll(/^(?:pub )?mod (\w+);/gm);
    return [room, [...modules].map(([, name]) => name).sort()];
  });
  for (const [room, modules] of found) assert.deepEqual(mapped[room]?.sort(), modules, room);
});

test("the diagram in docs/architecture.md has the dependencies between the crates", () => {
  const [, diagram] = /```mermaid\n(.*?)```/s.exec(text("docs/architecture.md"));
  const arrows = [...diagram.matchAll(/^ *(\w+)(?:\[.*?\])? -\.-> (\w+)/gm)].map(([, from, to]) => `${from} to ${to}`);
  const needed = Object.entries(CRATES).flatMap(([room, folder]) => {
    const names = Object.keys(readToml(join(folder, "Cargo.toml")).dependencies);
    return names.filter((name) => name.startsWith("sockjs-")).map((name) => `${room} to ${name.replace("sockjs-", "")}`);
  });
  assert.deepEqual(arrows.sort(), needed.sort());
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
