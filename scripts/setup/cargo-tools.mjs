// The programs that come from crates.io, compiled here once unless they were fetched.

import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Problem, follow } from "../run.mjs";
import { ROOT, TOOLS_DIR, cargoToolPath, cargoTools, rustEnvironment } from "../tools.mjs";
import { CARGO_PROGRESS, cargoStatus, withProgress } from "./progress.mjs";
import { isReleased, linkReleased } from "./released.mjs";

/** Shared by all of them, kept when an install is interrupted so that the next run goes on where it stopped. */
const COMPILE_DIR = join(TOOLS_DIR, "target");

/** Not optimized: compiled in a third of the time, and a build of ours gets slower by a fraction of a second. */
const QUICK_COMPILE = { CARGO_PROFILE_RELEASE_OPT_LEVEL: "0", CARGO_PROFILE_RELEASE_CODEGEN_UNITS: "16" };

export function missingCargoTools(tools = cargoTools()) {
  const list = join(TOOLS_DIR, ".crates.toml"); // cargo's own, written when an install is complete
  const installed = existsSync(list) ? readFileSync(list, "utf8") : "";
  const isListed = ({ crate, version }) => installed.includes(`"${crate} ${version} (`);
  return tools.filter((tool) => !existsSync(cargoToolPath(tool.bin)) || !(isReleased(tool) ?? isListed(tool)));
}

/** Links the program that was fetched, `released`, or compiles it. Resolves to a note for the breakdown. */
export async function installCargoTool(title, tool, { released = {}, signal } = {}) {
  const { crate, version, bin } = tool;
  if (released.program) {
    linkReleased(tool);
    return "fetched, not compiled";
  }
  await withProgress(`${title}, compiled once`, async ({ status }) => {
    const args = ["install", `${crate}@${version}`, "--locked", "--force", "--bin", bin, "--root", TOOLS_DIR];
    const env = { ...rustEnvironment(), ...CARGO_PROGRESS, ...QUICK_COMPILE, CARGO_TARGET_DIR: COMPILE_DIR };
    const onLine = (line) => {
      const now = cargoStatus(line);
      if (now) status(now);
    };
    const { code, output } = await follow("cargo", args, { cwd: ROOT, env, onLine, signal });
    if (code !== 0) throw new Problem(`cargo install ${crate} failed:\n${readable(output)}`, advice(output));
  });
  return `compiled; a released program would save this, but ${released.reason}`;
}

export function removeCompileDir() {
  rmSync(COMPILE_DIR, { recursive: true, force: true });
}

/** The end of cargo's output, without the progress bars. */
function readable(output) {
  const lines = output.split(/\r\n|\r|\n/).filter((line) => line.trim() && !/^\s*(Building \[|\x1b\[K$)/.test(line));
  return lines.slice(-20).join("\n");
}

function advice(output) {
  if (/linker .* not found|failed to find tool/.test(output)) return "install a C compiler (cc) and run this again";
  if (/No space left/.test(output)) return "make room on the disk (2 GB) and run this again";
  if (/failed to (download|get|fetch|query)|could not (connect|resolve)|timed? ?out|spurious network/i.test(output)) {
    return "look whether cargo reaches crates.io: network, proxy, cargo's [source] settings; then run this again";
  }
  return "run this again: it goes on where it stopped";
}
