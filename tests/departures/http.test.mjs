// The application's callbacks when the client of an HTTP transport leaves, and their times.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { STREAMS, TRANSPORTS } from "../harness/protocol/transports.mjs";
import { openWaiting, startWitness } from "../harness/servers/witness.mjs";
import { until } from "../harness/waiting/wait.mjs";

const HEARTBEAT_MS = 1000;
const MAX_AGE_MS = 2500;
const DISCONNECT_MS = 2000;
const RESPONSE_LIMIT = 128 << 10;

const INTERRUPTED = "close: Interrupted";
const TIMED_OUT = "close: TimedOut";

// Its heartbeats are later than any deadline: what is noticed here is noticed without them.
const quiet = await startWitness({ after }, { SOCKJS_HEARTBEAT_DELAY: "34000" });
const beating = await startWitness({ after }, { SOCKJS_HEARTBEAT_DELAY: String(HEARTBEAT_MS) });
const hasty = await startWitness(
  { after },
  {
    SOCKJS_HEARTBEAT_DELAY: String(HEARTBEAT_MS),
    SOCKJS_RECEIVER_MAX_AGE: String(MAX_AGE_MS),
    SOCKJS_DISCONNECT_DELAY: String(DISCONNECT_MS),
  },
);

for (const segment of Object.keys(TRANSPORTS)) {
  const isStream = STREAMS.includes(segment);

  describe(segment, { concurrency: true }, () => {
    test("a client that leaves by RST is gone at once", async (t) => {
      const { told, receiver } = await openWaiting(t, quiet, segment);
      receiver.connection.reset();
      assert.equal(await told.next("on_close"), INTERRUPTED);
    });

    if (!isStream) {
      // There is no stream yet that could be dropped: only the request's signal tells. A busy runtime finds the RST
      // before it reads the request, and then nobody ever hears of it: hence one client after the other.
      test("a client that leaves by RST before its poll has a head is gone at once", async (t) => {
        const left = [];
        const leave = async () => {
          const { session, told, receiver } = await openWaiting(t, quiet, segment);
          await session.send("a");
          assert.equal(await receiver.frame(), 'a["a"]');
          (await session.startReceiver()).connection.reset();
          left.push(told);
          return left.find(({ length }) => length > 0);
        };
        const told = await until(leave, "on_close");
        assert.equal(await told.next(), INTERRUPTED);
      });
    }

    if (isStream) {
      test("a client that leaves by FIN is gone at the next heartbeat", async (t) => {
        const { told, receiver } = await openWaiting(t, beating, segment);
        receiver.connection.close();
        assert.equal(await told.next("on_close"), INTERRUPTED);
      });
    } else {
      // The heartbeat is the poll's last frame, and nobody tells that it went to no one.
      test("a client that leaves by FIN got a heartbeat as far as anyone knows, and did not come again", async (t) => {
        const { told, receiver } = await openWaiting(t, hasty, segment);
        receiver.connection.close();
        assert.equal(await told.next("on_close"), TIMED_OUT);
      });
    }

    test("a client that half-closes its connection and still reads is there", async (t) => {
      const { session, told, receiver } = await openWaiting(t, beating, segment);
      receiver.connection.halfClose();
      await session.send("a");
      assert.equal(await session.nextMessages(), 'a["a"]');
      (await session.receiver()).connection.halfClose();
      assert.equal(await session.next(), "h");
      (await session.receiver()).connection.halfClose();
      await session.send("b");
      assert.equal(await session.nextMessages(), 'a["b"]');
      assert.equal(told.length, 0);
    });

    const its = isStream ? "stream, at receiver_max_age" : "poll, at its heartbeat";
    test(`a client that is silent is gone with its ${its}`, async (t) => {
      const began = performance.now();
      const { told, receiver } = await openWaiting(t, hasty, segment);
      receiver.connection.pause();
      assert.equal(await told.next("on_close"), TIMED_OUT);
      const time = performance.now() - began;
      const earliest = 0.9 * ((isStream ? MAX_AGE_MS - HEARTBEAT_MS / 2 : HEARTBEAT_MS / 2) + DISCONNECT_MS); // two clocks
      assert.ok(time >= earliest, `after ${time} ms`);
    });

    test("a client that leaves after its response is complete means nothing by it", async (t) => {
      const { session, told, receiver } = await openWaiting(t, quiet, segment);
      const message = "x".repeat(RESPONSE_LIMIT);
      await session.send(message);
      assert.equal(await receiver.frame(), `a["${message}"]`);
      assert.equal(await receiver.chunk(), null);
      receiver.connection.reset();
      for (const _ of [1, 2, 3]) {
        const next = await session.openReceiver();
        await session.send(message);
        assert.equal(await next.frame(), `a["${message}"]`);
        assert.equal(await next.chunk(), null);
        next.connection.reset();
      }
      assert.equal(told.length, 0);
    });
  });
}
