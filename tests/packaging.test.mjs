// What cargo would publish: three crates that say what they are, and which Rust they take.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { follow } from "../scripts/run.mjs";
import { ROOT, WASM_TARGET, readToml, rustEnvironment } from "../scripts/tools.mjs";

const PUBLISHED = ["sockjs-durable", "sockjs-edge", "sockjs-protocol"];
const STATED = ["description", "documentation", "license", "readme", "rust_version"];

const metadata = JSON.parse(await cargo("metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", WASM_TARGET));
const members = metadata.packages.filter(({ id }) => metadata.workspace_members.includes(id));
const published = members.filter(({ publish }) => publish === null);
const rustVersion = readToml("Cargo.toml").workspace.package["rust-version"];

test("the three crates are published and the examples are not; each says what it is", () => {
  assert.deepEqual(published.map(({ name }) => name).sort(), PUBLISHED);
  for (const crate of published) {
    for (const field of STATED) assert.ok(crate[field], `${crate.name}: ${field}`);
    assert.ok(crate.keywords.length > 0 && crate.categories.length > 0, crate.name);
    assert.equal(crate.version, published[0].version);
    assert.equal(crate.rust_version, rustVersion);
    assert.match(readFileSync(join(dirname(crate.manifest_path), crate.readme), "utf8"), new RegExp(`^# ${crate.name}\n`));
  }
});

test("a package has its sources, its README and the licenses, and nothing of what the project is developed with", async () => {
  for (const { name, manifest_path } of published) {
    const files = (await cargo("package", "--list", "--allow-dirty", "--offline", "--package", name)).trim().split("\n");
    for (const file of ["src/lib.rs", "README.md", "LICENSE-MIT", "LICENSE-APACHE"]) {
      assert.ok(files.includes(file), `${name}: ${file}`);
      assert.ok(existsSync(join(dirname(manifest_path), file)));
    }
    assert.deepEqual(files.filter((file) => /\.mjs$|^(scripts|docs|examples|bench|node_modules)\/|^package/.test(file)), [], name);
  }
});

test("nothing that ends up in a Worker needs a newer Rust than is stated", () => {
  const newer = reached().filter(({ rust_version }) => rust_version && isNewer(rust_version, rustVersion));
  assert.deepEqual(newer.map(({ name, version, rust_version }) => `${name} ${version}: Rust ${rust_version}`), []);
});

test("each README states the Rust that the crates do", () => {
  for (const readme of ["README.md", "docs/rust.md", "durable/README.md", "protocol/README.md", "template/README.md"]) {
    const [, version] = /Rust (\d\.\d+) or later/.exec(readFileSync(join(ROOT, readme), "utf8")) ?? [];
    assert.equal(version, rustVersion, readme);
  }
});

/** The crates that ours and the examples are built from; what only tests need does not count. */
function reached() {
  const nodes = new Map(metadata.resolve.nodes.map((node) => [node.id, node]));
  const seen = new Set(metadata.workspace_members);
  for (const id of seen) {
    const deps = nodes.get(id).deps.filter(({ dep_kinds }) => dep_kinds.some(({ kind }) => kind !== "dev"));
    for (const { pkg } of deps) seen.add(pkg);
  }
  const packages = metadata.packages.filter(({ id }) => seen.has(id));
  assert.ok(packages.some(({ name }) => name === "wasm-bindgen"), "the list is complete");
  return packages;
}

function isNewer(version, than) {
  const [a, b] = [version, than].map((text) => text.split(".").map(Number));
  const at = [0, 1, 2].find((part) => (a[part] ?? 0) !== (b[part] ?? 0));
  return at !== undefined && (a[at] ?? 0) > (b[at] ?? 0);
}

async function cargo(...args) {
  // Warnings go elsewhere than the result, and this wants the result alone.
  const { code, output } = await follow("cargo", ["--quiet", ...args], { cwd: ROOT, env: rustEnvironment() });
  assert.equal(code, 0, output);
  return output;
}
