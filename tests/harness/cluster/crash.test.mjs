// Tests that run again after a crash of the runtime: only then, and not for ever.

import assert from "node:assert/strict";
import { test } from "node:test";
import { WorkerLog } from "../servers/worker-log.mjs";
import { despiteCrashes } from "./crash.mjs";

const CRASHED = "rpc-twoparty.c++:354: Failed: expected idle != this->idle [false != false]";
const context = { diagnostic() {} };

/** Runs a body that fails in the first `failing` runs. Its node prints `printed` meanwhile, and `last` as it is ended. */
async function runs(failing, { printed = "", last = "" }) {
  const events = [];
  const wrapped = despiteCrashes(async (t) => {
    const log = new WorkerLog(() => {});
    log.add(printed);
    t.clusters.push({ logs: [log] });
    events.push("run");
    t.after(() => {
      log.add(last);
      events.push(t.passed ? "ended" : "ended after a failure");
    });
    if (events.filter((event) => event === "run").length <= failing) throw new Error("the body failed");
  });
  const error = await wrapped(context).then(() => undefined, ({ message }) => message);
  return { events, error };
}

const FAILED = ["run", "ended after a failure"];

test("a body that fails while a node crashed runs again, after what it started has ended", async () => {
  assert.deepEqual(await runs(1, { printed: CRASHED }), { events: [...FAILED, "run", "ended"], error: undefined });
});

test("a body that fails for another reason fails, even if its node crashes as it is ended", async () => {
  assert.deepEqual(await runs(1, { last: CRASHED }), { events: FAILED, error: "the body failed" });
});

test("a body that passes runs once, and one that always fails three times", async () => {
  assert.deepEqual(await runs(0, { printed: CRASHED }), { events: ["run", "ended"], error: undefined });
  assert.deepEqual(await runs(9, { printed: CRASHED }), { events: [...FAILED, ...FAILED, ...FAILED], error: "the body failed" });
});

test("a hook that fails counts, whatever the body did", async () => {
  for (const error of [undefined, new Error("the body failed")]) {
    const wrapped = despiteCrashes(async (t) => {
      const log = new WorkerLog(() => {});
      log.add(CRASHED);
      t.clusters.push({ logs: [log] });
      t.after(() => assert.fail("the hook failed"));
      if (error) throw error;
    });
    await assert.rejects(wrapped(context), /the hook failed/);
  }
});
