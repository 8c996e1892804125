// The npm packages that package-lock.json pins.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Problem, follow } from "../run.mjs";
import { NODE_MODULES, ROOT, esbuildBinary, nodeBinary, wasmOptBinary, workerdBinary, wranglerScript } from "../tools.mjs";
import { withProgress } from "./progress.mjs";

/** True if node_modules holds exactly what package-lock.json says. npm writes its own list there when it is done. */
export function packagesAreInstalled() {
  const installedList = join(NODE_MODULES, ".package-lock.json");
  if (!existsSync(installedList)) return false;
  const programs = [nodeBinary, workerdBinary, esbuildBinary, wasmOptBinary, wranglerScript];
  if (!programs.every((file) => existsSync(file))) return false;

  const { "": _project, ...wanted } = readPackages(join(ROOT, "package-lock.json"));
  const installed = readPackages(installedList);
  const isSame = (path) => installed[path]?.version === wanted[path]?.version;
  // Optional packages of other platforms are wanted and not installed.
  const missing = Object.keys(wanted).filter((path) => !isSame(path) && !(wanted[path].optional && !installed[path]));
  const surplus = Object.keys(installed).filter((path) => !wanted[path]);
  return missing.length === 0 && surplus.length === 0;
}

function readPackages(file) {
  return JSON.parse(readFileSync(file, "utf8")).packages;
}

/**
 * Returns the command of the npm that started this process, on the Node that npm runs on: the Node in node_modules is deleted while
 * packages are installed.
 */
export function npmCommand() {
  const { npm_node_execpath: node, npm_execpath: script = "" } = process.env;
  return node && script.endsWith("npm-cli.js") ? [node, script] : ["npm"];
}

export async function installPackages(title, signal) {
  await withProgress(title, async () => {
    const flags = ["--include=dev", "--include=optional", "--no-audit", "--no-fund", "--no-update-notifier"];
    // Warnings are left out: they are wrangler's about Node 20, and Node 22 comes with this very install.
    const [command, ...args] = [...npmCommand(), "ci", ...flags, "--loglevel=error"];
    const { code, output } = await follow(command, args, { cwd: ROOT, signal });
    if (code === 127) throw new Problem("npm was not found", "install npm, which comes with Node.js");
    if (code !== 0) throw new Problem(`npm ci failed:\n${output.trim()}`, advice(output));
    if (!packagesAreInstalled()) {
      throw new Problem(
        "npm ci left packages out for this platform",
        "look for `omit` or `os`, `cpu` settings in your npm configuration (npm config ls), then run this again",
      );
    }
  });
}

function advice(output) {
  if (/EUSAGE/.test(output)) return "package-lock.json does not fit package.json: npm install --package-lock-only";
  if (/ENOSPC/.test(output)) return "make room on the disk and run this again";
  if (/EACCES|EPERM/.test(output)) return "make the project's folder writable for you and run this again";
  return "look whether npm reaches its registry (npm ping): network, proxy, `registry` setting; then run this again";
}
