// The upstream that `npm start` puts behind the gateway, unless the user's variables exclude it.

import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { WebSocket } from "ws";
import { mayHaveEchoUpstream, startEchoUpstream } from "../../scripts/start/echo-upstream.mjs";
import { removeDirectory, temporaryDirectory } from "../harness/machine/temporary.mjs";
import { within } from "../harness/waiting/wait.mjs";

test("npm start adds an upstream unless the user's variables exclude it", (t) => {
  const directory = temporaryDirectory();
  t.after(() => removeDirectory(directory));
  const may = (...args) => mayHaveEchoUpstream(args, { directory });
  assert.equal(may("--var", "SOCKJS_PREFIX:/backend", "--var", "SOCKJS_UPSTREAM_TIMEOUT:1000"), true);
  assert.equal(may("--var", "SOCKJS_UPSTREAM:ws://127.0.0.1:9000"), false);
  assert.equal(may("--var=SOCKJS_UPSTREAM:ws://127.0.0.1:9000"), false);
  assert.equal(may("--var", "SOCKJS_GRACE:10", "SOCKJS_LIVENESS:page"), false);
  writeFileSync(join(directory, ".dev.vars"), "# SOCKJS_UPSTREAM=ws://127.0.0.1:9000\n");
  assert.equal(may(), true);
  writeFileSync(join(directory, ".dev.vars"), 'A=1\nSOCKJS_UPSTREAM = "ws://127.0.0.1:9000"\n');
  assert.equal(may(), false);
});

test("the upstream sends each message back, listens on the loopback address alone, and ends with its connections", async (t) => {
  const upstream = await startEchoUpstream();
  t.after(() => upstream.stop());
  assert.match(upstream.address, /^ws:\/\/127\.0\.0\.1:\d+$/);
  const socket = new WebSocket(upstream.address);
  await within(once(socket, "open"), "the upstream");
  socket.send("hello");
  const [data, isBinary] = await within(once(socket, "message"), "the echo");
  assert.deepEqual([data.toString(), isBinary], ["hello", false]);
  const closed = once(socket, "close");
  upstream.stop();
  await within(closed, "the end");
});
