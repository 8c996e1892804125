import { after } from "node:test";
import { startChromium } from "../../harness/clients/chromium.mjs";
import { startReference } from "../../harness/servers/reference.mjs";
import { testEcho, testEchoInPages } from "./echo.mjs";
import { startDeployed } from "./gateway.mjs";

const { url } = await startReference({ after });
const service = await startDeployed({ after }, `${url.replace(/^http/, "ws")}/echo/websocket`);

testEcho("sockjs-node", service, 10_000);
testEchoInPages(await startChromium({ after }), "sockjs-node", service);
