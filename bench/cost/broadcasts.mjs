// npm run cost:rooms: the bill for a broadcast to a room of one object, and to one of eight, counted through the real server with
// real members. It takes some ten minutes. SOCKJS_MEMBERS="100,1000" sets other sizes, and SOCKJS_CROWD="xhr-streaming" counts
// only those members.

import { buildRigs } from "../../scripts/build.mjs";
import { command } from "../command.mjs";

await command(import.meta, { name: "cost:rooms", script: "count-broadcasts.mjs", build: buildRigs });
