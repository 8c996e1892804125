// npm run cost:cluster: the cost of a bucket that is 5, 50 and 200 ms away, in time, requests and dollars, for each placement and
// both clocks of heartbeats. It takes some thirty minutes. SOCKJS_ROUND_TRIPS="50" measures another distance.

import { buildRigs } from "../../scripts/build.mjs";
import { command } from "../command.mjs";

await command(import.meta, { name: "cost:cluster", script: "count.mjs", build: buildRigs });
