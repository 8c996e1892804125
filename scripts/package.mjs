// npm run package: the tarball of the npm package. It is published by `npm publish FILE`, which nothing here does.

import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildPackage } from "./build.mjs";
import { Problem, follow, main } from "./run.mjs";
import { setUp } from "./setup.mjs";
import { PACKAGE_DIR, ROOT, TARGET_DIR, readToml } from "./tools.mjs";

const SOURCE = join(ROOT, "typescript");
const STAGE = join(TARGET_DIR, "npm/package");
const FILES = ["src", "require.cjs", "require.d.cts", "README.md"];
const BUILT = ["index.js", "index_bg.wasm"];
const LICENSES = ["LICENSE-APACHE", "LICENSE-MIT"];

/** Builds the tarball, and returns its path. */
export async function pack() {
  await buildPackage();
  rmSync(STAGE, { recursive: true, force: true });
  mkdirSync(join(STAGE, "dist"), { recursive: true });
  for (const name of FILES) cpSync(join(SOURCE, name), join(STAGE, name), { recursive: true });
  for (const name of BUILT) cpSync(join(PACKAGE_DIR, name), join(STAGE, "dist", name));
  for (const name of LICENSES) cpSync(join(ROOT, name), join(STAGE, name));
  const { version } = readToml("Cargo.toml").workspace.package;
  const manifest = { ...JSON.parse(readFileSync(join(SOURCE, "package.json"), "utf8")), version };
  writeFileSync(join(STAGE, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  const lines = [];
  const { code } = await follow("npm", ["pack", "--silent", "--pack-destination", join(STAGE, "..")], { cwd: STAGE, onLine: (line) => lines.push(line) });
  if (code !== 0) throw new Problem(`npm pack failed: ${lines.join("\n")}`);
  return join(STAGE, "..", `${manifest.name}-${version}.tgz`);
}

await main(import.meta, async () => {
  await setUp();
  process.stdout.write(`${await pack()}\n`);
});
