import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { example } from "../../scripts/examples.mjs";
import { ROOT } from "../../scripts/tools.mjs";
import { connectStockClient } from "../harness/clients/stock-client.mjs";
import { exchange, nastyMessages } from "../harness/messages/exchange.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { shownFiles } from "./rust-page.mjs";

const server = await startServer({ after }, example("echo"));

test("the echo is the one that docs/rust.md shows, in at most 20 lines", () => {
  const source = readFileSync(join(ROOT, "examples/echo/src/lib.rs"), "utf8");
  assert.equal(shownFiles()["src/lib.rs"], source);
  assert.ok(source.trimEnd().split("\n").length <= 20);
});

for (const transport of ["websocket", "xhr-streaming", "eventsource", "xhr-polling"]) {
  test(`echo, stock client, ${transport}: messages come back`, async (t) => {
    const client = await connectStockClient(t, `${server.url}/echo`, transport);
    await exchange(client, nastyMessages(100));
  });
}
