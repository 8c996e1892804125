// The processes that start.sh starts, and their end, in each shell that is here.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, test } from "node:test";
import { follow } from "../../scripts/run.mjs";
import { ROOT, nodeBinary } from "../../scripts/tools.mjs";
import { removeDirectory, temporaryDirectory } from "../harness/machine/temporary.mjs";
import { within } from "../harness/waiting/wait.mjs";

const LONG_S = 600;
const SHELLS = [["/bin/sh"], ["bash", "--posix"], ["busybox", "ash"]].filter(([name, ...more]) => spawnSync(name, [...more, "-c", ":"]).status === 0);

for (const [name, ...more] of SHELLS) {
  /** Runs lines of shell after those of start.sh, with a handler of SIGTERM, as start.sh has one. Resolves to what they printed. */
  async function shell(lines) {
    const script = `set -eu\n. cluster/start/children.sh\n. cluster/start/checks.sh\ntrap : TERM INT\n${lines}`;
    const { code, output } = await within(follow(name, [...more, "-c", script], { cwd: ROOT }), "the shell to end", 60_000);
    assert.equal(code, 0, output);
    return output;
  }

  describe(`end_child in ${name}`, () => {
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

    test("waits for a child that takes its time", async (t) => {
      const directory = temporaryDirectory();
      t.after(() => removeDirectory(directory));
      const ready = join(directory, "ready");
      const program = `process.once("SIGTERM", () => setTimeout(() => process.exit(0), 300)); process.on("SIGTERM", () => {});
        setInterval(() => {}, 1000); require("node:fs").writeFileSync("${ready}", "");`;
      const output = await shell(`
        "${nodeBinary}" --eval '${program}' &
        child=$!
        until [ -e "${ready}" ]; do sleep 0.01; done
        end_child "$child" 300000 || echo "killed"
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

  test(`a signal while signals are held is taken afterwards, in ${name}`, async () => {
    const output = await shell(`
      handler() {
        echo handled
        exit 0
      }
      hold_signals
      kill -TERM $$
      echo held
      take_signals handler
      echo "it went on"`);
    assert.equal(output, "held\nhandled\n");
  });

  test(`a signal that comes as a check begins ends the check, too, in ${name}`, async (t) => {
    const directory = temporaryDirectory();
    t.after(() => removeDirectory(directory));
    // The child notes its process id, and signals its parent at once.
    const output = await shell(`
      run=${directory}
      check() {
        read -r pid rest </proc/self/stat
        echo "$pid" >"$run/pid"
        kill -TERM "$parent"
        exec sleep ${LONG_S}
      }
      for round in $(seq 10); do
        (
          trap 'exit 0' TERM INT
          parent=$(exec sh -c 'echo $PPID')
          in_background check
        ) || echo "round $round failed"
        if [ -e "$run/pid" ] && kill -0 "$(cat "$run/pid")" 2>/dev/null; then echo "the check of round $round runs"; fi
        rm -f "$run/pid"
      done
      echo done`);
    assert.equal(output, "done\n");
  });
}
