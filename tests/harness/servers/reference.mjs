// sockjs-node with the services of tests/harness/servers/sockjs-node.mjs, on a free port.

import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Problem, killGroup, spawnTied } from "../../../scripts/run.mjs";
import { nodeBinary } from "../../../scripts/tools.mjs";

const SERVER = fileURLToPath(new URL("./sockjs-node.mjs", import.meta.url));

/** @param owner ends the server: as in `startServer` */
export async function startReference(owner) {
  // sockjs 0.3.24 is older than Buffer.from.
  const child = spawnTied(nodeBinary, ["--no-deprecation", SERVER], { stdio: ["pipe", "inherit"] });
  const exited = once(child, "exit");
  owner.after(async () => {
    killGroup(child);
    await exited;
  });
  const [line] = await Promise.race([once(createInterface({ input: child.stdout }), "line"), exited]);
  const [, url] = /^listening on (\S+)$/.exec(line) ?? [];
  if (!url) throw new Problem("the reference server did not start");
  return { url, pid: child.pid };
}
