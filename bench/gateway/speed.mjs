// npm run bench:gateway: echoes of a WebSocket server through the gateway, by those through a proxy in Node. It takes some seven minutes;
// SOCKJS_ROUNDS="3" takes fewer rounds. It fails when a message is lost or out of order.

import { fileURLToPath } from "node:url";
import { build } from "../../scripts/build.mjs";
import { main, run } from "../../scripts/run.mjs";
import { setUp } from "../../scripts/setup.mjs";
import { nodeBinary } from "../../scripts/tools.mjs";

await main(import.meta, async () => {
  await setUp();
  await build();
  return run(nodeBinary, ["--no-deprecation", fileURLToPath(new URL("compare.mjs", import.meta.url))], { stdio: [1, 2] });
});
