// An application that sends more than fits, and awaits `ready` before each message: nothing is refused, and everything arrives.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readers } from "../harness/clients/pausable-session.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { until } from "../harness/waiting/wait.mjs";
import { FloodLog } from "./flood-log.mjs";

const KIB = 1024;
const MIB = 1024 * KIB;

/** Several times the queue, the window, and what the kernel takes. */
const BYTES = 24 * MIB;
const SIZES = [KIB, 300 * KIB];
/** Bytes that pass into the kernel's and the runtime's buffers, some 5 to 12 MiB, and into the queue. */
const PASSED = 16 * MIB;
const FLOOD_MS = 120_000;

test("what a client sent before it left is handled, though the handler waited for it", async (t) => {
  const log = new FloodLog();
  const server = await startServer(t, { log: (text) => log.add(text) });
  const reader = await readers.xhr_streaming(t, `${server.url}/flood`);
  reader.pause();
  await reader.send(JSON.stringify({ bytes: BYTES, size: KIB, waits: true }));
  await reader.send(JSON.stringify({ bytes: KIB, size: KIB }));
  reader.leave();
  // The first ends in the middle: there is nobody to wait for any more.
  const { accepted, refused } = await log.reports.next("the end of the second flood", FLOOD_MS);
  assert.deepEqual([accepted, refused], [1, 0]);
});

for (const transport of Object.keys(readers)) {
  for (const size of SIZES) {
    test(`an application that waits for its client loses nothing: ${transport}, ${size} bytes`, async (t) => {
      const log = new FloodLog();
      const vars = { SOCKJS_DISCONNECT_DELAY: String(10 * FLOOD_MS) };
      const server = await startServer(t, { vars, log: (text) => log.add(text) });
      const reader = await readers[transport](t, `${server.url}/flood`);
      reader.pause();
      await reader.send(JSON.stringify({ bytes: BYTES, size, waits: true }));
      // Until it has to wait, or has sent more than can be on its way.
      const report = log.reports.next("the end of the flood", FLOOD_MS);
      const early = await Promise.race([report, new Promise((resolve) => setTimeout(resolve, 1_000))]);
      assert.equal(early, undefined, `it cannot have sent ${BYTES / MIB} MiB while at most ${PASSED / MIB} have a place`);
      reader.resume();
      const { accepted, refused } = await report;
      assert.deepEqual({ accepted, refused }, { accepted: Math.ceil(BYTES / size), refused: 0 });
      await until(() => reader.messages.length >= accepted, `${accepted} messages`, FLOOD_MS);
      const numbers = reader.messages.map((message) => Number.parseInt(message));
      assert.deepEqual([numbers.length, numbers.findIndex((number, at) => number !== at)], [accepted, -1]);
    });
  }
}
