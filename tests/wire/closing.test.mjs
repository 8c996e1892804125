import assert from "node:assert/strict";
import { after, test } from "node:test";
import { PollingSession, openPollingSession } from "../harness/polling-session.mjs";
import { startServer } from "../harness/server.mjs";
import { readObjects } from "../harness/storage.mjs";
import { until } from "../harness/wait.mjs";

const server = await startServer({ after }, { vars: { SOCKJS_DISCONNECT_DELAY: "1000" } });
const GO_AWAY = 'c[3000,"Go away!"]\n';

const isForgotten = (session) => until(async () => (await session.send(["a"])).status === 404, "the session to be forgotten");
const storageIsEmpty = () =>
  until(
    () => Object.values(readObjects(server.objects)).every(({ rows, alarm }) => rows === 0 && alarm === null),
    "storage without rows and alarms",
  );

test("a closed session answers its close frame to polls and 204 to sends, then it is forgotten", async () => {
  const session = new PollingSession(`${server.url}/close`);
  assert.equal((await session.poll()).body, "o\n");
  for (const _ of [1, 2]) {
    const closed = await session.poll();
    assert.deepEqual([closed.status, closed.body], [200, GO_AWAY]);
  }
  assert.equal((await session.send(["a"])).status, 204);

  await isForgotten(session);
  assert.equal((await session.poll()).body, "o\n", "the id may be used again");
});

test("a session without a receiver is forgotten after the disconnect delay, sends or not", async () => {
  const session = await openPollingSession(`${server.url}/echo`);
  assert.equal((await session.send(["a"])).status, 204);
  await isForgotten(session);
});

test("nothing stays in storage of sessions that are over", async () => {
  const sessions = [];
  for (const service of ["/echo", "/close"]) sessions.push(await openPollingSession(`${server.url}${service}`));
  assert.ok(Object.values(readObjects(server.objects)).some(({ rows, alarm }) => rows > 0 && alarm !== null));
  await Promise.all(sessions.map(isForgotten));
  await storageIsEmpty();
});
