// Whatever is started here and by the scripts ends with those who started it.

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { killGroup, spawnTied } from "../scripts/run.mjs";
import { ROOT } from "../scripts/tools.mjs";
import { request } from "./harness/clients/http.mjs";
import { connectStockClient } from "./harness/clients/stock-client.mjs";
import { allEnded, descendants, isRunning } from "./harness/machine/processes.mjs";
import { removeDirectory, temporaryDirectory } from "./harness/machine/temporary.mjs";
import { startDev } from "./harness/servers/dev.mjs";
import { startMiniflare } from "./harness/servers/miniflare.mjs";
import { startServer } from "./harness/servers/server.mjs";
import { within } from "./harness/waiting/wait.mjs";

const skip = existsSync("/proc/self/stat") ? false : "needs /proc";

for (const [name, start] of Object.entries({ startServer, startMiniflare })) {
  test(`what ${name} started is gone after the test that owns it`, { skip }, async () => {
    const hooks = [];
    const server = await start({ after: (hook) => hooks.push(hook) });
    const pids = [server.pid, ...descendants(server.pid)];
    assert.ok(pids.every(isRunning));
    for (const hook of hooks) await hook();
    await allEnded(pids, name);
  });
}

test("a test process that is killed takes its servers with it", { skip }, async (t) => {
  const source = ["server", "miniflare"].map((name) => `import * as ${name} from "./tests/harness/servers/${name}.mjs";`).join("");
  const body = `await server.startServer({ after() {} }); await miniflare.startMiniflare({ after() {} }); console.log("up");`;
  const directory = temporaryDirectory(); // what it has no time to remove
  const child = spawnTied(process.execPath, ["--input-type=module", "--eval", source + body], {
    cwd: ROOT,
    env: { ...process.env, TMPDIR: directory },
    stdio: ["pipe", "inherit"],
  });
  t.after(() => {
    killGroup(child);
    removeDirectory(directory);
  });
  await line(child.stdout, /^up$/, "the servers");
  const pids = [child.pid, ...descendants(child.pid)];
  assert.ok(pids.length > 2);
  process.kill(child.pid, "SIGKILL");
  await allEnded(pids, "the servers");
});

async function serve(t) {
  const storage = temporaryDirectory();
  const args = [join(ROOT, "scripts/serve.mjs"), "--port", "0", "--storage", storage];
  const child = spawnTied(process.execPath, args, { stdio: ["pipe", "inherit"] });
  t.after(() => {
    killGroup(child);
    removeDirectory(storage);
  });
  const [, url] = await line(child.stdout, /^listening on (http:\S+)$/, "npm run serve to listen");
  assert.equal((await request(`${url}/echo`)).status, 200);
  return { child, pids: [child.pid, ...descendants(child.pid)] };
}

test("SIGKILL to the process group of `npm run serve` leaves nothing running", { skip }, async (t) => {
  const { child, pids } = await serve(t);
  process.kill(-child.pid, "SIGKILL");
  await allEnded(pids, "npm run serve");
});

for (const signal of ["SIGINT", "SIGTERM"]) {
  test(`${signal} ends \`npm run serve\` without an error and leaves nothing running`, { skip }, async (t) => {
    const { child, pids } = await serve(t);
    const exited = once(child, "exit");
    process.kill(child.pid, signal);
    assert.deepEqual(await within(exited, "the end of npm run serve"), [0, null]);
    await allEnded(pids, "npm run serve");
  });
}

test("SIGTERM ends `npm start` with the upstream that it started, also while a client is connected to that", { skip }, async (t) => {
  const dev = await startDev(t);
  const client = await connectStockClient(t, `${dev.url}/sockjs`, "websocket");
  client.send("hello");
  assert.equal(await client.messages.next("the echo"), "hello");
  const pids = [dev.pid, ...descendants(dev.pid)];
  process.kill(dev.pid, "SIGTERM");
  await allEnded(pids, "npm start");
});

async function line(stream, pattern, what) {
  const find = async () => {
    for await (const text of createInterface({ input: stream })) {
      const match = pattern.exec(text);
      if (match) return match;
    }
    throw new Error(`the program ended before ${what}`);
  };
  return within(find(), what, 60_000);
}
