// The application's callbacks when a page is closed. Chromium ends connections with FIN, after it has read everything.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startChromium } from "../harness/clients/chromium.mjs";
import { connectInPage } from "../harness/pages/page-socket.mjs";
import { openPage } from "../harness/pages/pages.mjs";
import { startWitness } from "../harness/servers/witness.mjs";

const browser = await startChromium({ after });
const witness = await startWitness({ after }, { SOCKJS_HEARTBEAT_DELAY: "1000", SOCKJS_DISCONNECT_DELAY: "2000" });

for (const [transport, when, end] of [
  ["websocket", "at once, by a close frame without a code", 'close: Client { code: 1005, reason: "" }'],
  ["xhr-streaming", "at the next heartbeat", "close: Interrupted"],
  ["xhr-polling", "when it does not come again after the next heartbeat", "close: TimedOut"],
]) {
  test(`${transport}: a page that is closed is gone ${when}`, async (t) => {
    const page = await openPage(t, browser, { url: witness.url, service: witness.url });
    const session = `page-over-${transport}`;
    const client = await connectInPage(page, witness.url, transport, { session });
    client.send("a");
    assert.equal(await client.messages.next(), "a");
    const told = witness.told(session);
    assert.equal(await told.next("on_open"), "open");
    // With the head of its poll unread it would leave by RST, and be gone at once.
    if (transport === "xhr-polling") await page.waitForResponse(/\/xhr\?/);

    await page.close();
    assert.equal(await told.next("on_close"), end);
  });
}
