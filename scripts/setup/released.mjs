// Programs that their projects release, fetched instead of compiled. Nothing depends on that: where the release cannot be fetched,
// the set-up compiles the program.

import { createWriteStream, lstatSync, mkdirSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { follow } from "../run.mjs";
import { TOOLS_DIR, cargoToolPath } from "../tools.mjs";

/** Longest duration of a fetch. It runs beside the compilation of another program, which takes longer. */
const FETCH_WITHIN_MS = 30_000;
const TARGETS = {
  "linux-x64": "x86_64-unknown-linux-musl",
  "linux-arm64": "aarch64-unknown-linux-musl",
  "darwin-x64": "x86_64-apple-darwin",
  "darwin-arm64": "aarch64-apple-darwin",
};
/** Pages of releases by crate. The workers-rs project releases no programs of worker-build. */
const RELEASES = { "wasm-bindgen-cli": "https://github.com/wasm-bindgen/wasm-bindgen/releases/download" };

/**
 * Fetches the released program of a tool into a folder of its own below .tools/. Never rejects: resolves to `{ program }`, the path, or
 * to `{ reason }`. The source is trusted as TLS proves it, as it is by worker-build, which fetches the same file by itself elsewhere.
 */
export async function fetchReleased({ crate, version, bin }, { signal, releases = RELEASES, directory = TOOLS_DIR } = {}) {
  if (!releases[crate]) return { reason: "there is none" };
  const name = nameOf({ bin, version });
  const folder = join(directory, name);
  const archive = `${folder}.tar.gz`;
  try {
    const within = AbortSignal.timeout(FETCH_WITHIN_MS);
    const limits = AbortSignal.any(signal ? [signal, within] : [within]);
    const response = await fetch(`${releases[crate]}/${version}/${name}.tar.gz`, { signal: limits });
    if (!response.ok) throw new Error(`status ${response.status}`);
    mkdirSync(folder, { recursive: true });
    await pipeline(Readable.fromWeb(response.body), createWriteStream(archive), { signal: limits });
    const { code } = await follow("tar", ["-xzf", archive, "-C", folder, "--strip-components=1"], { signal: limits });
    if (code !== 0) throw new Error("the archive is damaged");
    const program = join(folder, bin);
    const { output } = await follow(program, ["--version"], { signal: limits });
    if (output.trim() !== `${bin} ${version}`) throw new Error(`the program says ${output.trim()}`);
    return { program };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    return { reason: `it could not be fetched: ${error.cause?.code ?? error.message}` };
  } finally {
    rmSync(archive, { force: true });
  }
}

/** Puts a fetched program where the compiled one would be, as a link. */
export function linkReleased(tool) {
  const link = cargoToolPath(tool.bin);
  mkdirSync(dirname(link), { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(linkTarget(tool), link);
}

/** True if the tool's path leads to the released program of that version, undefined if the tool was compiled. */
export function isReleased(tool) {
  const path = cargoToolPath(tool.bin);
  return lstatSync(path).isSymbolicLink() ? readlinkSync(path) === linkTarget(tool) : undefined;
}

function linkTarget(tool) {
  return join("..", nameOf(tool), tool.bin);
}

function nameOf({ bin, version }) {
  return `${bin}-${version}-${TARGETS[`${process.platform}-${process.arch}`]}`;
}
