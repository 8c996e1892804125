// The variables of the deployable Worker: their effects, and the errors for invalid values.

import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { freePort } from "../../scripts/free-port.mjs";
import { killGroup, spawnTied } from "../../scripts/run.mjs";
import { checkSettings } from "../../scripts/settings.mjs";
import { ROOT, nodeBinary } from "../../scripts/tools.mjs";
import { request } from "../harness/clients/http.mjs";
import { removeDirectory, temporaryDirectory } from "../harness/machine/temporary.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { within } from "../harness/waiting/wait.mjs";

const GRACE = ["SOCKJS_GRACE", "500", /variable SOCKJS_GRACE must be at most 100 ms/];
const WRONG = [
  GRACE,
  ["SOCKJS_HEARTBEAT_DELAY", "25s", /variable SOCKJS_HEARTBEAT_DELAY must be a whole number of milliseconds/],
  ["SOCKJS_LOG", "verbose", /variable SOCKJS_LOG must be none, error, warn, info or debug/],
  ["SOCKJS_TEST_SERVICES", "a-secret-under-a-wrong-name", /variable SOCKJS_TEST_SERVICES must be true or false/],
  ["SOCKJS_PUSH_TOKENS", "a-short-one", /a secret SOCKJS_PUSH_TOKENS must have tokens of at least 32 characters/],
  ["SOCKJS_METRICS_TOKENS", `${"x".repeat(32)},a-short-one`, /a secret SOCKJS_METRICS_TOKENS must have tokens of at least 32/],
  ["SOCKJS_HEARTBEAT", "1000", /variable SOCKJS_HEARTBEAT is unknown; there are .*SOCKJS_HEARTBEAT_DELAY/],
];

for (const [name, value, message] of WRONG) {
  test(`a Worker with ${name}=${value} answers 500 to everything, and logs why once`, async (t) => {
    let log = "";
    const server = await startServer(t, { vars: { [name]: value }, log: (text) => (log += text) });
    for (const path of ["/", "/echo", "/echo/info", "/echo/000/s/xhr", "/nothing"]) {
      const response = await request(`${server.url}${path}`);
      assert.equal(response.status, 500, path);
      assert.match(response.body, message);
      if (value.length > 4) assert.ok(!response.body.includes(value), "anybody may read this");
    }
    const lines = log.split("\n").filter((line) => line.includes('"sockjs":"settings"')).map((line) => JSON.parse(line));
    assert.equal(lines.length, 1, log);
    assert.match(lines[0].problem, message);
    if (message.source.includes("must be")) assert.ok(name === "SOCKJS_GRACE" || lines[0].problem.includes(value), "the log has it");
  });
}

const [name, value, message] = GRACE;
for (const [script, args] of [
  ["serve", ["--port", "0", "--var", `${name}=${value}`]],
  ["deploy", ["--dry-run", "--var", `${name}:${value}`]],
]) {
  test(`npm run ${script} stops at a variable that cannot be served, and says why`, async (t) => {
    const storage = temporaryDirectory();
    t.after(() => removeDirectory(storage));
    const options = script === "serve" ? ["--storage", storage] : [];
    await stops(t, [join(ROOT, `scripts/${script}.mjs`), ...args, ...options]);
  });
}

test("npm start stops at a variable that cannot be served, and says why", async (t) => {
  const storage = temporaryDirectory();
  t.after(() => removeDirectory(storage));
  const args = ["--port", String(await freePort()), "--persist-to", storage, "--var", `${name}:${value}`];
  await stops(t, [join(ROOT, "scripts/start.mjs"), ...args]);
});

/** The script ends by itself, with exit code 1 and the message. */
async function stops(t, args) {
  const child = spawnTied(nodeBinary, args, { cwd: ROOT, stdio: ["pipe", "pipe"] });
  t.after(() => killGroup(child));
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (printed += text));
  const [code] = await within(once(child, "close"), "the script to stop", 120_000);
  assert.equal(code, 1, printed);
  assert.match(printed, new RegExp(`error: .*${message.source}`));
  assert.doesNotMatch(printed, /listening on/);
}

test("numbers and booleans may be such, as wrangler.toml can write them", async () => {
  await checkSettings({ SOCKJS_TEST_SERVICES: true, SOCKJS_HEARTBEAT_DELAY: 1500 });
  await assert.rejects(checkSettings({ SOCKJS_TEST_SERVICES: true, SOCKJS_HEARTBEAT_DELAY: 1.5 }), /SOCKJS_HEARTBEAT_DELAY must be/);
});

test("what a service sets itself wins over a variable", async (t) => {
  const server = await startServer(t, { vars: { SOCKJS_WEBSOCKET: "true", SOCKJS_JSESSIONID: "true" } });
  const info = async (service) => JSON.parse((await request(`${server.url}/${service}/info`)).body);
  assert.deepEqual((await info("disabled_websocket_echo")).websocket, false);
  assert.deepEqual((await info("echo")).cookie_needed, true);
});
