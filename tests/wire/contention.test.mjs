// A second receiver of a session, while the first is there and after it left.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { openPollingSession } from "../harness/polling-session.mjs";
import { startServer } from "../harness/server.mjs";

const server = await startServer({ after });
const echo = `${server.url}/echo`;
const ANOTHER = 'c[2010,"Another connection still open"]\n';

test("a second poll is turned away while one waits, and the first goes on", async (t) => {
  const session = await openPollingSession(echo);
  const first = await session.pendingPoll(t);
  const second = await session.poll();
  assert.deepEqual([second.status, second.body], [200, ANOTHER]);

  await session.send(["a"]);
  // Newlines, which clients ignore, are how the server asked whether it is still there.
  assert.equal((await first.body()).trimStart(), 'a["a"]\n');
});

test("of two polls at once one is turned away", async (t) => {
  const session = await openPollingSession(echo);
  const polls = await Promise.all([session.startPoll(t), session.startPoll(t)]);
  const bodies = polls.map(async (poll) => {
    await poll.head();
    return (await poll.body()).trimStart();
  });

  assert.equal(await Promise.race(bodies), ANOTHER);
  await session.send(["a"]);
  assert.deepEqual((await Promise.all(bodies)).sort(), ['a["a"]\n', ANOTHER]);
});

test("a client that half-closed its connection still waits for its poll", async (t) => {
  const session = await openPollingSession(echo);
  const first = await session.pendingPoll(t);
  first.halfClose();
  assert.equal((await session.poll()).body, ANOTHER);
  await session.send(["a"]);
  assert.equal((await first.body()).trimStart(), 'a["a"]\n');
});

for (const how of ["reset", "close"]) {
  const packet = how === "reset" ? "RST" : "FIN";
  test(`after a client left its poll by ${packet}, the next poll is told that the connection was interrupted`, async (t) => {
    const session = await openPollingSession(echo);
    const poll = await session.pendingPoll(t);
    poll[how]();
    const interrupted = 'c[1002,"Connection interrupted"]\n';
    assert.equal((await session.poll()).body, interrupted);
    assert.equal((await session.poll()).body, interrupted);
    assert.equal((await session.send(["a"])).status, 204, "sends are accepted, or the client would miss the close frame");
  });
}
