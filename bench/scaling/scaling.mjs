// npm run bench:scaling: the cost of one message, by how many sessions are open. It takes some ten minutes. It fails when a message
// costs much more where there are many, or when one is lost or out of order.

import { build } from "../../scripts/build.mjs";
import { command } from "../command.mjs";
import { storageInMemory } from "../storage-in-memory.mjs";

await command(import.meta, { name: "bench:scaling", script: "measure.mjs", build, writesJson: true, env: storageInMemory() });
