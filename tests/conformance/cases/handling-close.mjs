import assert from "node:assert/strict";
import { test } from "node:test";
import { XHR_PRELUDE } from "../../harness/protocol/preludes.mjs";
import { assertAnswer, assertChunks, newSession, openSession, openStream, pendingPoll, post } from "../client.mjs";

const ANOTHER = 'c[2010,"Another connection still open"]\n';
/** Answers of a session whose client left: it is over, or it was forgotten and starts again. */
const INTERRUPTED = ['c[1002,"Connection interrupted"]\n', "o\n"];
/** FIN, and the RST of a client that leaves something unread. */
const WAYS_TO_LEAVE = ["close", "reset"];

async function openXhrStream(t, session, ...frames) {
  const stream = await openStream(t, "POST", `${session}/xhr_streaming`);
  await assertChunks(stream, XHR_PRELUDE, ...frames);
  return stream;
}

test("HandlingClose.test_close_frame", async (t) => {
  const session = newSession("close");
  const first = await openXhrStream(t, session, "o\n", 'c[3000,"Go away!"]\n');
  const second = await openXhrStream(t, session, 'c[3000,"Go away!"]\n');
  await assertChunks(first, null);
  await assertChunks(second, null);
});

test("HandlingClose.test_close_request", async (t) => {
  const session = newSession();
  await openXhrStream(t, session, "o\n");
  await openXhrStream(t, session, ANOTHER, null);
});

test("HandlingClose.test_abort_xhr_streaming", async (t) => {
  for (const leave of WAYS_TO_LEAVE) {
    for (const others of [[], [ANOTHER]]) {
      const session = newSession();
      const first = await openXhrStream(t, session, "o\n");
      for (const turnedAway of others) await openXhrStream(t, session, turnedAway, null);
      first[leave]();
      const next = await openXhrStream(t, session);
      assertInterrupted(await next.chunk(), leave, others);
    }
  }
});

test("HandlingClose.test_abort_xhr_polling", async (t) => {
  for (const leave of WAYS_TO_LEAVE) {
    for (const others of [[], [ANOTHER]]) {
      const session = newSession();
      await openSession(session);
      const first = await pendingPoll(t, `${session}/xhr`);
      for (const turnedAway of others) assertAnswer(await post(`${session}/xhr`), 200, turnedAway);
      first[leave]();
      assertInterrupted((await post(`${session}/xhr`)).body, leave, others);
    }
  }
});

function assertInterrupted(frame, leave, others) {
  const story = `after ${others.length} were turned away and the client left (${leave})`;
  assert.ok(INTERRUPTED.includes(frame), `${story}, the next one got ${JSON.stringify(frame)}`);
}
