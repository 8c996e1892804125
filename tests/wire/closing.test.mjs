import assert from "node:assert/strict";
import { after, test } from "node:test";
import { PollingSession, openPollingSession } from "../harness/polling-session.mjs";
import { startServer } from "../harness/server.mjs";
import { until } from "../harness/wait.mjs";

const server = await startServer({ after });
const hasty = await startServer({ after }, { vars: { SOCKJS_DISCONNECT_DELAY: "1000" } });

test("a closed session answers its close frame to every poll, and 204 to sends", async () => {
  const session = await openPollingSession(`${server.url}/close`);
  for (const _ of [1, 2]) {
    const closed = await session.poll();
    assert.deepEqual([closed.status, closed.body], [200, 'c[3000,"Go away!"]\n']);
  }
  assert.equal((await session.send(["a"])).status, 204, "or the client would miss the close frame");
});

for (const service of ["close", "echo"]) {
  const kind = service === "close" ? "a closed session" : "a session without a receiver";
  test(`${kind} is forgotten after the disconnect delay, sends or not, and its id can be used again`, async () => {
    const session = await openPollingSession(`${hasty.url}/${service}`);
    await until(async () => (await session.send(["a"])).status === 404, "the session to be forgotten");
    assert.equal((await session.poll()).body, "o\n");
  });
}
