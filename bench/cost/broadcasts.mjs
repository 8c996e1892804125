// npm run cost:rooms: the bill for a broadcast to a room of one object, and to one of eight, counted through the real server with
// real members. It takes some ten minutes. SOCKJS_MEMBERS="100,1000" sets other sizes, and SOCKJS_CROWD="xhr-streaming" counts
// only those members.

import { fileURLToPath } from "node:url";
import { buildRigs } from "../../scripts/build.mjs";
import { main, run } from "../../scripts/run.mjs";
import { setUp } from "../../scripts/setup.mjs";
import { nodeBinary } from "../../scripts/tools.mjs";

await main(import.meta, async () => {
  await setUp();
  await buildRigs();
  return run(nodeBinary, [fileURLToPath(new URL("count-broadcasts.mjs", import.meta.url))], { stdio: [1, 2] });
});
