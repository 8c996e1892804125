// The stock client in Chromium over each of its transports, in a page of the Worker's own origin and of another site.

import { after, describe } from "node:test";
import { startChromium } from "../harness/clients/chromium.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { testTransports } from "./matrix.mjs";
import { serveDocument } from "../harness/pages/pages.mjs";

const browser = await startChromium({ after });
const server = await startServer({ after });
const port = await serveDocument({ after });

const holder = await startServer({ after }, { vars: { SOCKJS_WEBSOCKET_HOLDER: "worker" } });
const documentsOf = ({ url }) => ({
  "the same origin": `${url}/echo`, // the greeting is a document like any other
  // Another name than 127.0.0.1, so that iframes and cookies are a third party's, too.
  "another site": `http://localhost:${port}/`,
});
testTransports(browser, server, documentsOf(server), 150);
describe("WebSockets that the Worker holds", () => testTransports(browser, holder, documentsOf(holder), 150, ["websocket"]));
