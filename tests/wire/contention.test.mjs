// A second receiver of a session, while the first is there and after it left.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { start } from "../harness/clients/http.mjs";
import { PollingSession, openPollingSession } from "../harness/clients/polling-session.mjs";
import { startServer } from "../harness/servers/server.mjs";

const server = await startServer({ after });
const echo = `${server.url}/echo`;
const ANOTHER = 'c[2010,"Another connection still open"]\n';

test("a second poll is turned away while one waits, and the first goes on", async (t) => {
  const session = await openPollingSession(echo);
  const first = await session.pendingPoll(t);
  const second = await session.poll();
  assert.deepEqual([second.status, second.body], [200, ANOTHER]);

  // A heartbeat is how the server asked whether it is still there: a line of its own, in front of the frame.
  await session.send(["a"]);
  assert.equal(await first.body(), 'h\na["a"]\n');
});

for (const [segment, frame] of [["xhr_streaming", "h\n"], ["eventsource", "data: h\r\n\r\n"], ["htmlfile?c=cb", '<script>\np("h");\n</script>\r\n']]) {
  test(`a stream that is asked whether its client is there gets a heartbeat, and goes on: ${segment}`, async (t) => {
    const session = new PollingSession(echo);
    const method = segment === "xhr_streaming" ? "POST" : "GET";
    const stream = await start(`${session.url}/${segment}`, { method });
    t.after(() => stream.close());
    await stream.head();
    await stream.chunk(); // the prelude
    assert.match(await stream.chunk(), /o/);
    assert.equal((await session.poll()).body, ANOTHER);
    assert.equal(await stream.chunk(), frame);
    await session.send(["a"]);
    assert.match(await stream.chunk(), /a\[/);
  });
}

test("a poll of JSONP that is asked gets a line end, which a script ignores, and goes on", async (t) => {
  const session = new PollingSession(echo);
  const jsonp = () => start(`${session.url}/jsonp?c=cb`);
  const opened = await jsonp();
  await opened.head();
  assert.equal(await opened.body(), '/**/cb("o");\r\n');
  const first = await jsonp();
  t.after(() => first.close());
  await first.head();
  const second = await jsonp();
  await second.head();
  assert.match(await second.body(), /^\/\*\*\/cb\("c\[2010,/);
  await session.send(["a"]);
  assert.equal(await first.body(), '\n/**/cb("a[\\"a\\"]");\r\n');
});

test("of two polls at once one is turned away", async (t) => {
  const session = await openPollingSession(echo);
  const polls = await Promise.all([session.startPoll(t), session.startPoll(t)]);
  const bodies = polls.map(async (poll) => {
    await poll.head();
    return poll.body();
  });

  assert.equal(await Promise.race(bodies), ANOTHER);
  await session.send(["a"]);
  // The other one is asked whether its client is there, unless it was still in its grace.
  const other = (await Promise.all(bodies)).find((body) => body !== ANOTHER);
  assert.match(other, /^(h\n)?a\["a"\]\n$/);
});

test("a client that half-closed its connection still waits for its poll", async (t) => {
  const session = await openPollingSession(echo);
  const first = await session.pendingPoll(t);
  first.halfClose();
  assert.equal((await session.poll()).body, ANOTHER);
  await session.send(["a"]);
  assert.equal(await first.body(), 'h\na["a"]\n');
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
