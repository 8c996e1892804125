// An application that sends faster than its client reads: what waits is bounded, what does not fit is refused, and what was
// accepted arrives.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readers } from "../harness/clients/pausable-session.mjs";
import { growthDuring } from "../harness/machine/memory.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { until } from "../harness/waiting/wait.mjs";
import { FloodLog } from "./flood-log.mjs";

const KIB = 1024;
const MIB = 1024 * KIB;

const OFFERED = 100 * MIB;
/** Transports and sizes of messages. The last makes bursts of almost a whole queue between two looks at the socket. */
const FLOODS = [...Object.keys(readers).map((transport) => [transport, KIB]), ["websocket", 15 * KIB]];
/** Bytes that pass before any measurement, so that one-time allocations are done. */
const WARM_UP = 8 * MIB;
const FLOOD_MS = 120_000;

/** protocol/src/service/options/table.rs. */
const QUEUE_LIMIT = MIB;
/**
 * Bytes of a stream beyond its queue: the window of protocol/src/sockjs/session/delivery.rs, and the bytes that workerd takes out
 * of a response that its client does not read (1.20261117.1: half a MiB).
 */
const IN_FLIGHT = 64 * KIB + MIB;
/**
 * Garbage of the bytes that pass into the kernel's buffers, some 5 to 12 MiB; V8 collects it at any time. Measured: up to 29 MiB
 * here, and no more than 100 MiB however much passes.
 */
const GARBAGE = 46 * MIB;

for (const [transport, size] of FLOODS) {
  const limit = QUEUE_LIMIT + (transport === "websocket" ? 0 : IN_FLIGHT);

  test(`a client that does not read costs no more than its limits: ${transport}, ${size} bytes`, async (t) => {
    const log = new FloodLog();
    const vars = { SOCKJS_DISCONNECT_DELAY: String(10 * FLOOD_MS) };
    const server = await startServer(t, { vars, log: (text) => log.add(text) });
    const reader = await readers[transport](t, `${server.url}/flood`);
    const flood = async (bytes) => {
      await reader.send(JSON.stringify({ bytes, size }));
      return log.reports.next("the end of a flood", FLOOD_MS);
    };
    const arrive = async ({ accepted }) => {
      await until(() => reader.messages.length >= accepted, `${accepted} messages`, FLOOD_MS);
      const numbers = reader.messages.splice(0).map((message) => Number.parseInt(message));
      assert.equal(numbers.length, accepted, "nothing comes twice");
      assert.equal(numbers.findIndex((number, at) => number !== at), -1, "everything comes in order");
    };
    for (let passed = 0; passed < WARM_UP; passed += QUEUE_LIMIT / 2) await arrive(await flood(QUEUE_LIMIT / 2));

    reader.pause();
    const { result: report, growth } = await growthDuring(server, () => flood(OFFERED));
    const taken = reader.taken();
    const held = report.accepted * size - taken;
    t.diagnostic(
      `accepted ${mib(report.accepted * size)} of ${mib(OFFERED)} MiB, ${mib(taken)} of it in the kernel and the client, ` +
        `${mib(held)} in the server, whose memory grew by ${mib(growth)} MiB`,
    );
    assert.equal(report.accepted + report.refused, Math.ceil(OFFERED / size));
    assert.ok(report.refused > 0, "more was offered than fits");
    assert.ok(held <= limit, `the server holds ${mib(held)} MiB`);
    assert.ok(growth <= limit + GARBAGE, `its memory grew by ${mib(growth)} MiB`);

    reader.resume();
    await arrive(report);
    // Nothing is left behind that could come before this.
    await arrive(await flood(size));
  });
}

const mib = (bytes) => (bytes / MIB).toFixed(1);
