// Tests that run again after a crash of the runtime: only then, and not for ever.

import assert from "node:assert/strict";
import { test } from "node:test";
import { WorkerLog } from "../servers/worker-log.mjs";
import { runDespiteCrashes } from "./crash.mjs";

const CRASHED = "rpc-twoparty.c++:354: Failed: expected idle != this->idle [false != false]";
const context = { diagnostic() {} };

/** Counts runs of a body that fails in the first `failing` ones, in a cluster whose node prints `printed`. */
async function runs(failing, printed) {
  const events = [];
  const run = runDespiteCrashes(context, async (t) => {
    events.push("run");
    t.after(() => events.push(t.passed ? "ended" : "ended after a failure"));
    const log = new WorkerLog(() => {});
    log.add(printed);
    t.clusters.push({ logs: [log] });
    if (events.filter((event) => event === "run").length <= failing) throw new Error("the body failed");
  });
  const error = await run.then(() => undefined, ({ message }) => message);
  return { events, error };
}

test("a body that fails while a node crashed runs again, after what it started has ended", async () => {
  assert.deepEqual(await runs(1, CRASHED), { events: ["run", "ended after a failure", "run", "ended"], error: undefined });
});

test("a body that fails for another reason fails", async () => {
  assert.deepEqual(await runs(1, "nothing"), { events: ["run", "ended after a failure"], error: "the body failed" });
});

test("a body that passes runs once, and one that always fails three times", async () => {
  assert.deepEqual(await runs(0, CRASHED), { events: ["run", "ended"], error: undefined });
  const { events, error } = await runs(9, CRASHED);
  assert.deepEqual([events.filter((event) => event === "run").length, error], [3, "the body failed"]);
});

test("a body whose hook fails fails", async () => {
  const run = runDespiteCrashes(context, async (t) => t.after(() => assert.fail("the hook failed")));
  await assert.rejects(run, /the hook failed/);
});
