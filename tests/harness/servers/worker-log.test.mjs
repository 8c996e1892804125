// The check of a server's output.

import assert from "node:assert/strict";
import { test } from "node:test";
import { WorkerLog } from "./worker-log.mjs";

const logOf = (text) => {
  const log = new WorkerLog(() => {});
  log.add(text);
  return log;
};

test("a panic of the Worker fails the check, unless /trouble was asked for it", () => {
  assert.throws(() => logOf("panicked at durable/src/object/mod.rs:1:1:\nno\n").check(), /the Worker panicked/);
  logOf("panicked at tests/rigs/src/trouble.rs:1:1:\nas asked\n").check();
});

test("a crash of workerd itself is no panic of the Worker", () => {
  logOf("thread 'main' (32060) panicked at src/workerd/server/server/bridge.rs:669:30:\n").check();
});
