// The Python package `websockets`, in a directory of the project's own, and an echo server written with it.

import { once } from "node:events";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Problem, follow, killGroup, spawnTied } from "../../../scripts/run.mjs";
import { TOOLS_DIR } from "../../../scripts/tools.mjs";
import { within } from "../../harness/waiting/wait.mjs";

const VERSION = "16.1.1";
const DIRECTORY = join(TOOLS_DIR, `websockets-${VERSION}`);
const SERVER = fileURLToPath(new URL("echo_server.py", import.meta.url));

/** Installs the package where it is missing. */
export async function installWebsockets() {
  if (existsSync(join(DIRECTORY, "complete"))) return;
  rmSync(DIRECTORY, { recursive: true, force: true });
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--target", DIRECTORY];
  const { code, output } = await follow("python3", [...pip, `websockets==${VERSION}`]);
  if (code === 127) throw new Problem("python3 is missing", "install Python 3.10 or later");
  if (code !== 0) throw new Problem(`pip install websockets failed:\n${output.trim()}`, "install Python 3.10 or later with pip");
  writeFileSync(join(DIRECTORY, "complete"), "");
}

/** Starts the echo server; resolves to its address. */
export async function startPython(owner) {
  const env = { ...process.env, PYTHONPATH: DIRECTORY, PYTHONUNBUFFERED: "1", PYTHONDONTWRITEBYTECODE: "1" };
  const child = spawnTied("python3", [SERVER], { env, stdio: ["pipe", "inherit"] });
  const exited = once(child, "exit");
  owner.after(async () => {
    killGroup(child);
    await exited;
  });
  const [line] = await within(Promise.race([once(createInterface({ input: child.stdout }), "line"), exited]), "Python's server to listen");
  const [, port] = /^listening on port (\d+)$/.exec(line) ?? [];
  if (!port) throw new Problem("Python's server did not start");
  return `ws://127.0.0.1:${port}/chat`;
}
