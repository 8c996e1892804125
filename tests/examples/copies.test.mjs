// Each example stands alone: copied out of the repository, with another path to the library in its Cargo.toml, it compiles for
// WebAssembly. In the long form (npm run copies) it is also built as its wrangler.toml says.

import assert from "node:assert/strict";
import { copyFileSync, cpSync, existsSync, lstatSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { test } from "node:test";
import { exampleNames } from "../../scripts/examples.mjs";
import { follow } from "../../scripts/run.mjs";
import { ROOT, WASM_TARGET, cargoToolPath, cargoTools, readToml, rustEnvironment } from "../../scripts/tools.mjs";
import { removeDirectory, temporaryDirectory } from "../harness/machine/temporary.mjs";

const EXAMPLES = join(ROOT, "examples");
/** Folders that a build leaves in an example's folder. */
const BUILT = ["build", "target", ".wrangler", "node_modules"];
/** The path to the library, in the dependencies and, with the kit for tests, in the dev-dependencies. */
const LIBRARY = 'path = "../.."';
const IS_LONG = process.env.SOCKJS_COPIES === "long";

for (const name of exampleNames()) {
  test(`${name}: nothing in it leads out of its folder but the path to the library`, () => {
    for (const file of filesOf(name)) {
      const path = join(EXAMPLES, name, file);
      assert.ok(!lstatSync(path).isSymbolicLink(), `${file} is a link`);
      let text = readFileSync(path, "utf8");
      if (file === "Cargo.toml") text = withoutLibrary(text);
      assert.doesNotMatch(text, /\.\.\/|node_modules|\bworkspace = true/, file);
    }
  });

  test(`${name}: its README and its wrangler.toml install the worker-build that is used here`, () => {
    const { version } = cargoTools().find(({ crate }) => crate === "worker-build");
    for (const file of ["README.md", "wrangler.toml"]) {
      const text = readFileSync(join(EXAMPLES, name, file), "utf8");
      assert.ok(text.includes(`cargo install --locked worker-build@${version}`), file);
    }
  });

  test(`${name}: a copy in an empty folder compiles`, async (t) => {
    const folder = copy(t, name);
    await succeed(folder, "cargo", ["check", "--offline", "--target", WASM_TARGET]);
    await forget(folder, name, "dev");
  });

  const skip = IS_LONG ? false : "only in the long form: npm run copies";
  test(`${name}: a copy is built as its wrangler.toml says`, { skip }, async (t) => {
    const folder = copy(t, name);
    const { command } = readToml(`examples/${name}/wrangler.toml`).build;
    await succeed(folder, "/bin/sh", ["-c", command]);
    for (const file of ["index.js", "index_bg.wasm"]) assert.ok(existsSync(join(folder, "build", file)), file);
    await forget(folder, name, "release");
  });
}

function filesOf(name) {
  const all = readdirSync(join(EXAMPLES, name), { recursive: true, withFileTypes: true });
  const files = all.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
  return files.map((file) => file.slice(join(EXAMPLES, name).length + 1)).filter((file) => !BUILT.includes(file.split("/")[0]));
}

/** A manifest without the path to the library. */
function withoutLibrary(manifest, instead = "") {
  const { version } = readToml("Cargo.toml").workspace.package;
  assert.ok(manifest.includes(`\nsockjs-edge = { ${LIBRARY}, version = "${version}" }\n`));
  return manifest.replaceAll(LIBRARY, instead);
}

function copy(t, name) {
  const folder = temporaryDirectory();
  t.after(() => removeDirectory(folder));
  for (const file of filesOf(name)) cpSync(join(EXAMPLES, name, file), join(folder, file), { recursive: true });
  const manifest = readFileSync(join(folder, "Cargo.toml"), "utf8");
  writeFileSync(join(folder, "Cargo.toml"), withoutLibrary(manifest, `path = ${JSON.stringify(ROOT)}`));
  // The versions that are here already: by itself cargo would look for newer ones.
  copyFileSync(join(ROOT, "Cargo.lock"), join(folder, "Cargo.lock"));
  return folder;
}

/** Removes what cargo keeps of the copy, which would grow with every run: its folder is another one each time. */
async function forget(folder, name, profile) {
  await succeed(folder, "cargo", ["clean", "--offline", "--profile", profile, "--target", WASM_TARGET, "--package", name]);
}

async function succeed(folder, command, args) {
  // All share the dependencies in the project's own target folder; worker-build is what `cargo install` puts into PATH.
  const env = rustEnvironment();
  const path = [dirname(cargoToolPath("worker-build")), env.PATH].join(delimiter);
  const options = { cwd: folder, env: { ...env, PATH: path, CARGO_INCREMENTAL: "0" } };
  const { code, output } = await follow(command, args, options);
  assert.equal(code, 0, output);
}
