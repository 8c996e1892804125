import assert from "node:assert/strict";
import { test } from "node:test";
import { assertAnswer, newSession, openSession, pendingPoll, post, send } from "../client.mjs";

test("Protocol.test_simpleSession", async (t) => {
  const session = newSession();
  await openSession(session);
  await send(session, '["a"]');
  assertAnswer(await post(`${session}/xhr`), 200, 'a["a"]\n');
  assert.equal((await post(`${newSession()}/xhr_send`, '["a"]')).status, 404);

  await pendingPoll(t, `${session}/xhr`);
  assertAnswer(await post(`${session}/xhr`), 200, 'c[2010,"Another connection still open"]\n');
});

test("Protocol.test_closeSession", async () => {
  const session = newSession("close");
  await openSession(session);
  for (const _ of [2, 3]) assertAnswer(await post(`${session}/xhr`), 200, 'c[3000,"Go away!"]\n');
});
