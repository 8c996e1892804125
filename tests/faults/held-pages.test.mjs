// WebSockets that the Worker holds: the connection of the stock client in Chromium goes on while its object is restarted.

import { after } from "node:test";
import { startChromium } from "../harness/clients/chromium.mjs";
import { pageOpener } from "./rig/stock.mjs";
import { testRestarts } from "./rig/through-restarts.mjs";

const browser = await startChromium({ after });

testRestarts({ "stock client in Chromium": { open: pageOpener(browser), frames: [] } });
