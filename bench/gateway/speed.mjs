// npm run bench:gateway: echoes of a WebSocket server through the gateway, relative to those through a proxy in Node. It takes
// some seven minutes; SOCKJS_ROUNDS="3" takes fewer rounds. It fails if a message is lost or out of order.

import { build } from "../../scripts/build.mjs";
import { command } from "../command.mjs";

await command(import.meta, { name: "bench:gateway", script: "compare.mjs", build, writesJson: true });
