// Heartbeats of the Worker that holds the response: the object sleeps through them, and nobody is left behind.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Session } from "../harness/clients/session.mjs";
import { POLLS, STREAMS, TRANSPORTS } from "../harness/protocol/transports.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { readObjects } from "../harness/servers/storage.mjs";
import { openWaiting, startWitness } from "../harness/servers/witness.mjs";
import { byLines } from "../harness/waiting/lines.mjs";
import { until } from "../harness/waiting/wait.mjs";

const DELAY_MS = 1000;
const MAX_AGE_MS = 2500;
const DISCONNECT_MS = 2000;
/** Of the object's alarm, less what a slow machine takes. */
const SIX_HOURS_MS = 6 * 3_600_000 - 120_000;
/** The runtime puts an object out of memory after ten seconds; the second is for a busy machine. */
const SILENCES_MS = [13_000, 20_000];

const VARS = { SOCKJS_HEARTBEATS: "worker", SOCKJS_HEARTBEAT_DELAY: String(DELAY_MS) };
const server = await startServer({ after }, { vars: VARS });
/** For streams alone: a session whose last receiver ended has an earlier alarm. */
const hastyVars = { ...VARS, SOCKJS_RECEIVER_MAX_AGE: String(MAX_AGE_MS), SOCKJS_DISCONNECT_DELAY: String(DISCONNECT_MS) };
const hasty = await startServer({ after }, { vars: hastyVars });
const witness = await startWitness({ after }, VARS);

/** Reads heartbeats for that time, and returns their number. */
async function readHeartbeats(session, ms) {
  let count = 0;
  for (const end = performance.now() + ms; performance.now() < end; count += 1) assert.equal(await session.next(), "h");
  return count;
}

describe("heartbeats of the Worker", { concurrency: true }, () => {
  for (const segment of STREAMS) {
    test(`${segment}: they come after each delay while the object sleeps, with no alarm within six hours`, async (t) => {
      // Of its own: a session that another test left has an early alarm.
      const quiet = await startServer(t, { vars: VARS });
      const session = new Session(t, `${quiet.url}/instance`, segment);
      assert.equal(await session.next(), "o");
      const ask = async () => {
        await session.send("?");
        return session.nextMessages();
      };
      const before = await ask();
      let isAnother = false;
      for (const silence of SILENCES_MS) {
        if (isAnother) break;
        const count = await readHeartbeats(session, silence);
        const most = silence / DELAY_MS + 1;
        assert.ok(count <= most && count >= 0.8 * most, `${count} heartbeats in ${silence} ms`);
        isAnother = (await ask()) !== before;
      }
      assert.ok(isAnother, "the object never left memory");
      assert.equal(session.receivers, 1);
      const alarms = Object.values(readObjects(quiet.objects)).map(({ alarm }) => alarm).filter((alarm) => alarm !== null);
      assert.ok(alarms.length > 0);
      for (const alarm of alarms) assert.ok(alarm - Date.now() > SIX_HOURS_MS, `an alarm in ${alarm - Date.now()} ms`);
    });

    test(`${segment}: a stream of receiver_max_age ends with a heartbeat, and its session goes on`, async (t) => {
      const session = new Session(t, `${hasty.url}/echo`, segment);
      const began = performance.now();
      const stream = await session.openReceiver();
      const frames = [];
      do frames.push(await stream.frame());
      while (frames.at(-1) !== null);
      const age = performance.now() - began;
      assert.deepEqual([frames.shift(), frames.pop(), ...new Set(frames)], ["o", null, "h"]);
      assert.ok(age >= MAX_AGE_MS - DELAY_MS / 2 - 20, `it ended after ${age} ms`);
      await session.send("a");
      assert.equal(await session.next(), 'a["a"]');
    });

    test(`${segment}: a client that leaves by FIN is gone at the next heartbeat`, async (t) => {
      const { told, receiver } = await openWaiting(t, witness, segment);
      receiver.connection.close();
      assert.equal(await told.next("on_close"), "close: Interrupted");
    });

    test(`${segment}: a session whose client, Worker and object end at once has an alarm, and ends when its object wakes`, async (t) => {
      const closed = [];
      const log = byLines((line) => line.includes('"close: ') && closed.push(JSON.parse(line)));
      const dying = await startServer(t, { vars: hastyVars, log });
      const session = new Session(t, `${dying.url}/witness`, segment);
      assert.equal(await session.next(), "o");
      const hasAlarm = () => Object.values(readObjects(dying.objects)).some(({ alarm }) => alarm !== null);
      await until(hasAlarm, "the alarm");
      await dying.kill();
      await dying.start();
      assert.ok(hasAlarm());
      // What wakes it, before the alarm of six hours does.
      await session.send("a");
      await until(() => closed.length > 0, "on_close");
      assert.deepEqual(closed, [{ session: session.id, witness: "close: TimedOut" }]);
    });
  }

  for (const segment of POLLS) {
    test(`${segment}: a poll that waits in vain ends with one, and so does the next`, async (t) => {
      const session = new Session(t, `${server.url}/echo`, segment);
      assert.equal(await session.next(), "o");
      for (const _ of [1, 2, 3]) {
        const began = performance.now();
        assert.equal(await session.next(), "h");
        const silence = performance.now() - began;
        assert.ok(silence >= DELAY_MS - 20 && silence < 2 * DELAY_MS, `after ${silence} ms`);
      }
    });
  }

  for (const segment of Object.keys(TRANSPORTS)) {
    test(`${segment}: whatever the object sends puts them off, and nothing is lost`, async (t) => {
      const session = new Session(t, `${server.url}/echo`, segment);
      assert.equal(await session.next(), "o");
      let lastRead = performance.now();
      for (let number = 0; number < 40; number += 1) {
        await session.receiver(); // a poll waits, too
        const sending = session.send(String(number));
        let frame = await session.next();
        for (; frame === "h"; frame = await session.next()) {
          const silence = performance.now() - lastRead;
          assert.ok(silence >= DELAY_MS - 20, `a heartbeat after ${silence} ms`);
        }
        lastRead = performance.now();
        await sending;
        assert.equal(frame, `a["${number}"]`);
        // Around the moment of a heartbeat, too.
        await sleep(number % 4 === 0 ? DELAY_MS - 5 + Math.random() * 10 : DELAY_MS / 20);
      }
    });
  }
});
