// npm run record: makes recorded.json from the previous build, for the tests that play it back.

import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { main } from "../../scripts/run.mjs";
import { request } from "../harness/clients/http.mjs";
import { workerConfig } from "../../scripts/worker-config.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { converse } from "./conversation.mjs";
import { entryLayout } from "./layout.mjs";
import { PREVIOUS_RIGS, buildPrevious } from "./previous.mjs";

await main(import.meta, async () => {
  await buildPrevious();
  const ends = [];
  const owner = { after: (end) => ends.push(end) };
  try {
    // The previous build refuses variables that it does not know.
    const config = { ...workerConfig(), vars: { SOCKJS_TEST_SERVICES: "true", SOCKJS_DISCONNECT_DELAY: "60000" } };
    const server = await startServer(owner, { build: PREVIOUS_RIGS, config, layout: entryLayout("record-entry.mjs") });
    const frames = await converse(owner, server.url);
    const { body } = await request(`http://127.0.0.1:${server.ports.control}/`);
    const recorded = { ...JSON.parse(body), frames };
    writeFileSync(fileURLToPath(new URL("recorded.json", import.meta.url)), `${JSON.stringify(recorded, null, 1)}\n`);
  } finally {
    for (const end of ends.reverse()) await end();
  }
});
