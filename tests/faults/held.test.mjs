// WebSockets that the Worker holds: the connections of plain clients, and of the stock client in Node, go on while their object is
// restarted. `npm run faults -- --runs 20 tests/faults/held.test.mjs tests/faults/held-pages.test.mjs` adds up many runs.

import { openStockClient } from "./rig/stock.mjs";
import { testRestarts } from "./rig/through-restarts.mjs";
import { KINDS } from "./rig/websocket.mjs";

testRestarts({ ...KINDS, "stock client": { open: openStockClient, frames: [] } });
