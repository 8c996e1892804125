// How start.sh ends the processes that it started.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { follow } from "../../scripts/run.mjs";
import { ROOT } from "../../scripts/tools.mjs";
import { within } from "../harness/waiting/wait.mjs";

const LONG_S = 600;

/** Runs lines of shell after those of children.sh, with a handler of SIGTERM, as start.sh has one. Resolves to what they printed. */
async function shell(lines) {
  const script = `set -eu\n. cluster/start/children.sh\ntrap : TERM INT\n${lines}`;
  const { code, output } = await within(follow("/bin/sh", ["-c", script], { cwd: ROOT }), "the shell to end");
  assert.equal(code, 0, output);
  return output;
}

describe("end_child", () => {
  test("ends a child that was started a moment ago, and has no handlers of its own yet", async () => {
    const output = await shell(`
      for round in 1 2 3 4 5 6 7 8 9 10; do
        sleep ${LONG_S} &
        end_child "$!" 300000 || echo "killed in round $round"
      done
      echo done`);
    assert.equal(output, "done\n");
  });

  test("leaves no process behind", async () => {
    const output = await shell(`
      sleep ${LONG_S} &
      child=$!
      end_child "$child" 300000
      if kill -0 "$child" 2>/dev/null; then echo "it runs"; fi
      echo done`);
    assert.equal(output, "done\n");
  });

  test("kills a child that ignores SIGTERM, not before its time, and fails", async () => {
    const started = Date.now();
    const output = await shell(`
      (trap '' TERM; exec sleep ${LONG_S}) &
      child=$!
      until [ "$(cat "/proc/$child/comm")" = sleep ]; do sleep 0.01; done
      end_child "$child" 1000 || echo "killed"
      if kill -0 "$child" 2>/dev/null; then echo "it runs"; fi`);
    assert.equal(output, "killed\n");
    assert.ok(Date.now() - started >= 1_000);
  });

  test("takes a child that has ended already", async () => {
    assert.equal(await shell(`sleep 0 & child=$!; wait "$child"; end_child "$child" 1000; echo done`), "done\n");
  });
});
