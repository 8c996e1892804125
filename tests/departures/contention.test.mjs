// A second receiver comes while the first is there, or after it left without a word: the first is sent a heartbeat, or a line end
// in a poll, and what comes of that decides.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { TRANSPORTS } from "../harness/protocol/transports.mjs";
import { openWaiting, startWitness } from "../harness/servers/witness.mjs";
import { until } from "../harness/waiting/wait.mjs";

const witness = await startWitness({ after }, { SOCKJS_HEARTBEAT_DELAY: "34000" });
const ANOTHER = 'c[2010,"Another connection still open"]';
const GONE = 'c[1002,"Connection interrupted"]';

for (const segment of Object.keys(TRANSPORTS)) {
  test(`${segment}: while the first is there, the second is turned away and the first goes on`, async (t) => {
    const { session, told, receiver } = await openWaiting(t, witness, segment);
    const others = 2;
    for (let other = 0; other < others; other++) {
      const second = await session.openReceiver();
      assert.equal(await second.frame(), ANOTHER);
      assert.equal(await second.chunk(), null);
    }
    await session.send("a");
    if (segment !== "jsonp") {
      for (let other = 0; other < others; other++) assert.equal(await receiver.frame(), "h");
    }
    assert.equal(await receiver.frame(), 'a["a"]');
    assert.equal(told.length, 0);
  });

  for (const [packet, leave] of [
    ["FIN", (connection) => connection.close()],
    ["RST", (connection) => connection.reset()],
  ]) {
    test(`${segment}: after the first left by ${packet}, the session is over`, async (t) => {
      const { session, told, receiver } = await openWaiting(t, witness, segment);
      leave(receiver.connection);
      // On a busy machine the probe may be answered too late; the next one finds what it brought out.
      const answer = async () => {
        const second = await session.openReceiver();
        const frame = await second.frame();
        assert.equal(await second.chunk(), null);
        return frame !== ANOTHER && frame;
      };
      assert.equal(await until(answer, "an answer but 2010"), GONE);
      assert.equal(await told.next("on_close"), "close: Interrupted");
    });
  }
}
