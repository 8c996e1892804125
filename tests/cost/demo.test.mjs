// The demo page prices the steps of its visitors by a table. It has to agree with the price list and with the meter.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { PRICES as LIST, billed } from "../../bench/cost/bill.mjs";
import { TRANSPORTS } from "../../bench/cost/connections.mjs";
import { startMeteredServer } from "../../bench/cost/metered-server.mjs";
import { PRICES, READ, dollarsOf, unitsOf } from "../../server/src/demo/prices.js";

const MESSAGES = 5;
/** An opening sets an alarm for disconnect_delay, 5 s; it belongs to the opening. */
const OPENED_MS = 6_000;
/** Alarms of a close are over after reattach_timeout, which changes their time alone. */
const VARS = { SOCKJS_REATTACH_TIMEOUT: "5000" };
const CLOSED_MS = 8_000;
/** Messages that arrive together are acknowledged together, so units differ a little from run to run. */
const TOLERANCE = 0.2;

test("the page's prices are those of the price list", () => {
  const { workerCpuMs, ...listed } = LIST.dollarsPerMillion;
  assert.deepEqual([READ, PRICES], [LIST.read, listed]);
});

describe("the page prices what the meter counts", { concurrency: true }, () => {
  for (const transport of ["websocket", "xhr-streaming", "eventsource", "xhr-polling", "jsonp-polling"]) {
    test(transport, async (t) => {
      const server = await startMeteredServer(t, { vars: VARS });
      const counted = async (counters) => {
        const units = billed(counters ?? (await server.settled()));
        await server.reset();
        return units;
      };
      await server.reset();
      const connection = await TRANSPORTS[transport].open(t, `${server.url}/demo/echo`);
      const receive = async (pattern) => {
        let frame;
        do frame = await connection.next(60_000);
        while (!pattern.test(frame));
      };
      await receive(/object/);
      await sleep(OPENED_MS);
      agree(await counted(), transport, { open: 1 });

      for (let number = 0; number < MESSAGES; number++) {
        await connection.send(`ping ${number}`);
        await receive(/ping/);
      }
      agree(await counted(), transport, { message: MESSAGES });

      await receive(/^h$/);
      await connection.send("");
      agree(await counted(), transport, { heartbeat: 1 });

      await connection.send("/close");
      await receive(/^c/);
      await sleep(CLOSED_MS);
      agree(await counted(), transport, { end: 1 });

      const other = await TRANSPORTS[transport].open(t, `${server.url}/demo/echo`);
      while (!/object/.test(await other.next()));
      await sleep(OPENED_MS);
      await counted();
      await other.leave();
      await sleep(CLOSED_MS);
      agree(await counted(), transport, { close: 1 });

      const restarted = await TRANSPORTS[transport].open(t, `${server.url}/demo/echo`);
      while (!/object/.test(await restarted.next()));
      await sleep(OPENED_MS);
      await counted();
      await restarted.send("/restart");
      await sleep(1_000);
      await restarted.send("ping");
      while (!/"ping"/.test(await restarted.next()));
      await sleep(2_000);
      // The meter waits for ever for the object that was ended, so its time is not compared.
      agree(await counted(await server.counters()), transport, { restart: 1, message: 1 });
    });
  }
});

/** Fails unless the table has the units of these steps. The time of the objects depends on the machine. */
function agree(counted, transport, steps) {
  const priced = { workerRequests: 0, objectRequests: 0, rowsWritten: 0, rowsRead: 0 };
  for (const [step, count] of Object.entries(steps)) {
    const units = unitsOf(step, transport);
    for (const unit of Object.keys(priced)) priced[unit] += units[unit] * count;
  }
  const what = `${JSON.stringify(steps)}: counted ${JSON.stringify(counted)}, priced ${JSON.stringify(priced)}`;
  for (const unit of ["workerRequests", "rowsWritten"]) {
    assert.ok(Math.abs(counted[unit] - priced[unit]) <= 1, `${unit} of ${what}`);
  }
  const ours = dollarsOf(priced);
  const theirs = dollarsOf({ ...counted, gigabyteSeconds: 0 });
  assert.ok(Math.abs(ours - theirs) <= TOLERANCE * Math.max(ours, theirs) + 1e-7, `dollars of ${what}`);
}
