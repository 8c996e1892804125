// `npm start` on a free port: the Worker in `wrangler dev`, as a developer first meets it.

import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { killGroup, spawnTied } from "../../scripts/run.mjs";
import { ROOT, nodeBinary } from "../../scripts/tools.mjs";
import { DEFAULT_VARS } from "./server.mjs";
import { removeDirectory, temporaryDirectory } from "./temporary.mjs";
import { within } from "./wait.mjs";

/** Resolves to its `{ url, pid }` once it serves. */
export async function startDev(owner) {
  const storage = temporaryDirectory();
  const port = await freePort();
  // As in server.mjs.
  const vars = ["--var", `SOCKJS_DISCONNECT_DELAY:${DEFAULT_VARS.SOCKJS_DISCONNECT_DELAY}`];
  const args = [join(ROOT, "scripts/start.mjs"), "--port", String(port), "--persist-to", storage, ...vars];
  const child = spawnTied(nodeBinary, args, { cwd: ROOT, stdio: ["pipe", "pipe"] });
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
    exited.then(() => reject(new Error(`npm start ended:\n${printed}`)));
  });
  await within(ready, "npm start to be ready", 120_000);
  return { url: `http://127.0.0.1:${port}`, pid: child.pid };
}

/** wrangler takes no port 0 for "any". Between this and its start another program may take the port; then it fails. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}
