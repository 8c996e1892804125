// `wrangler dev` on a free port: like `npm start`, and in the directory of an application.

import { once } from "node:events";
import { join } from "node:path";
import { freePort } from "../../../scripts/free-port.mjs";
import { killGroup, spawnTied } from "../../../scripts/run.mjs";
import { quietEnvironment } from "../../../scripts/start.mjs";
import { ROOT, nodeBinary, wranglerScript } from "../../../scripts/tools.mjs";
import { removeDirectory, temporaryDirectory } from "../machine/temporary.mjs";
import { within } from "../waiting/wait.mjs";
import { DEFAULT_VARS } from "./server.mjs";

/** Runs `npm start`. Resolves to its `{ url, pid, output }` once it serves; `output` returns everything that it printed. */
export function startDev(owner) {
  // As in server.mjs.
  const vars = ["--var", `SOCKJS_DISCONNECT_DELAY:${DEFAULT_VARS.SOCKJS_DISCONNECT_DELAY}`];
  return startDevServer(owner, [join(ROOT, "scripts/start.mjs"), ...vars], { cwd: ROOT });
}

/**
 * Runs `wrangler dev` in the application's directory, which builds it as configured in its wrangler.toml. Resolves like
 * `startDev`.
 */
export function startWrangler(owner, folder, { args = [], env }) {
  const quiet = ["--show-interactive-dev-session=false", "--ip", "127.0.0.1"];
  const options = { cwd: folder, env: { ...quietEnvironment(), ...env } };
  return startDevServer(owner, [wranglerScript, "dev", ...quiet, ...args], options);
}

async function startDevServer(owner, command, options) {
  const storage = temporaryDirectory();
  const port = await freePort();
  const args = [...command, "--port", String(port), "--persist-to", storage];
  const child = spawnTied(nodeBinary, args, { ...options, stdio: ["pipe", "pipe"] });
  const exited = once(child, "exit");
  owner.after(async () => {
    killGroup(child);
    await exited;
    removeDirectory(storage);
  });

  let printed = "";
  const ready = new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        printed += text;
        if (/Ready on http/.test(printed)) resolve();
      });
    }
    exited.then(() => reject(new Error(`wrangler ended:\n${printed}`)));
  });
  await within(ready, "wrangler to be ready", READY_MS);
  return { url: `http://127.0.0.1:${port}`, pid: child.pid, output: () => printed };
}

/** It may have to build an application first, while other tests run. */
const READY_MS = 900_000;
