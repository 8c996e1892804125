// The template, which is what docs/rust.md shows. README's quick start copies, builds and serves it: tests/quickstarts/.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse as parseToml } from "smol-toml";
import { ROOT, cargoTools } from "../../scripts/tools.mjs";
import { shownFiles } from "./rust-page.mjs";

const TEMPLATE = join(ROOT, "template");

test("the template is the application that docs/rust.md shows", () => {
  const files = shownFiles();
  assert.deepEqual(Object.keys(files).sort(), ["Cargo.toml", "src/lib.rs", "wrangler.toml"]);
  assert.equal(template("Cargo.toml"), files["Cargo.toml"]);
  assert.equal(template("src/lib.rs"), files["src/lib.rs"]);
  assert.deepEqual(parseToml(template("wrangler.toml")), parseToml(files["wrangler.toml"]));
});

test("what cargo generate makes of the template is the template, with other names", () => {
  const values = { "project-name": "app", sockjs_edge: "../sockjs-edge" };
  const made = (text) => text.replace(/\{\{([\w-]+)\}\}/g, (_, name) => values[name]);
  for (const name of ["Cargo.toml", "wrangler.toml"]) assert.equal(made(template(`${name}.liquid`)), template(name));
  assert.equal(parseToml(template("cargo-generate.toml")).placeholders.sockjs_edge.default, values.sockjs_edge);
});

test("README, docs/rust.md and the template's README install the worker-build that is used here", () => {
  const { version } = cargoTools().find(({ crate }) => crate === "worker-build");
  const install = new RegExp(`^cargo install --locked worker-build@${version}\\b`, "m");
  for (const file of ["README.md", "docs/rust.md", "template/README.md"]) assert.match(readFileSync(join(ROOT, file), "utf8"), install);
});

function template(name) {
  return readFileSync(join(TEMPLATE, name), "utf8");
}
