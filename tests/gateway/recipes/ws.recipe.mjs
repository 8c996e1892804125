import { after } from "node:test";
import { startChromium } from "../../harness/clients/chromium.mjs";
import { startUpstream } from "../upstream.mjs";
import { testEcho, testEchoInPages } from "./echo.mjs";
import { startDeployed } from "./gateway.mjs";

const { address } = await startUpstream({ after });
const service = await startDeployed({ after }, address);

testEcho("ws", service, 10_000);
testEchoInPages(await startChromium({ after }), "ws", service);
