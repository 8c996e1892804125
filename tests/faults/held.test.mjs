// WebSockets that the Worker holds: the connections of plain clients, and of the stock client in Node, go on while their object is
// restarted. `npm run faults -- --runs 20 tests/faults/held.test.mjs tests/faults/held-pages.test.mjs` adds up many runs.

import { openStockClient } from "./rig/stock.mjs";
import { testRestarts } from "./rig/through-restarts.mjs";
import { KINDS } from "../harness/clients/websocket-client.mjs";

/** Compression takes most of the time. The client in a page has it: see held-pages.test.mjs. */
const plain = ([name, { open, frames }]) => [name, { open: (t, trouble) => open(t, trouble, { perMessageDeflate: false }), frames }];

testRestarts({ ...Object.fromEntries(Object.entries(KINDS).map(plain)), "stock client": { open: openStockClient, frames: [] } });
