// npm run bench:cluster: echoes through a node that does not own the object, relative to those through its owner. It takes some
// five minutes; SOCKJS_ROUNDS="3" takes fewer rounds.

import { buildRigs } from "../../scripts/build.mjs";
import { command } from "../command.mjs";

await command(import.meta, { name: "bench:cluster", script: "compare.mjs", build: buildRigs });
