// `npm run serve -- --cluster`: a node of a cluster that runs in the foreground.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { installBucket, startBucket } from "../../scripts/cluster/bucket.mjs";
import { Records } from "../../scripts/cluster/records.mjs";
import { freePort } from "../../scripts/free-port.mjs";
import { follow, killGroup, spawnTied } from "../../scripts/run.mjs";
import { ROOT, nodeBinary } from "../../scripts/tools.mjs";
import { openPollingSession } from "../harness/clients/polling-session.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { removeDirectory, temporaryDirectory } from "../harness/machine/temporary.mjs";
import { until, within } from "../harness/waiting/wait.mjs";

await installBucket();
const bucket = await startBucket();
after(() => bucket.kill());

/** Starts a node, and resolves once it listens. */
async function serve(owner) {
  const storage = temporaryDirectory();
  const keyFile = join(storage, "key");
  const key = randomBytes(32).toString("hex");
  writeFileSync(keyFile, key);
  const configuration = join(storage, "worker/config.capnp");
  // As an earlier version left it.
  mkdirSync(join(storage, "worker"));
  writeFileSync(configuration, "", { mode: 0o644 });

  const address = `127.0.0.1:${await freePort()}`;
  const options = ["--port", "0", "--storage", storage, "--cluster", bucket.url, "--cluster-addr", address, "--cluster-key-file", keyFile];
  const env = {
    ...process.env,
    AWS_ENDPOINT_URL: bucket.endpoint,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "anybody",
    AWS_SECRET_ACCESS_KEY: "anything",
  };
  const child = spawnTied(nodeBinary, [join(ROOT, "scripts/serve.mjs"), ...options], { env, stdio: ["pipe", "pipe"] });
  owner.after(() => {
    killGroup(child);
    removeDirectory(storage);
  });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (printed += data));
  const exited = once(child, "exit");
  const [, url] = await until(() => /^listening on (http:\S+)$/m.exec(printed), "npm run serve to listen");
  return { url, key, address, configuration, exited, pid: child.pid, printed: () => printed };
}

test("only its user can read the configuration, which has the key of the cluster", async (t) => {
  const { configuration, key } = await serve(t);
  assert.ok(readFileSync(configuration, "utf8").includes(key));
  assert.equal(statSync(configuration).mode & 0o777, 0o600);
});

test("/ready asks the cluster port, and the log names the node by its address", async (t) => {
  const { url, address, configuration } = await serve(t);
  const text = readFileSync(configuration, "utf8");
  assert.ok(text.includes(`(name = "cluster-port", external = (address = "${address}", http = ()))`), "the service");
  assert.ok(text.includes('(name = "CLUSTER_PORT", service = "cluster-port")'), "the binding");
  assert.ok(text.includes(`(name = "SOCKJS_NODE", text = "${address}")`), "the name");
  assert.equal(await (await fetch(`${url}/ready`)).text(), "ready\n");
});

test("addresses at which other nodes would not reach it are refused", async () => {
  const refuse = async (...options) => {
    const { code, output } = await follow(nodeBinary, [join(ROOT, "scripts/serve.mjs"), "--cluster", bucket.url, ...options]);
    assert.equal(code, 2, output);
    return output;
  };
  assert.match(await refuse("--cluster-addr", "fd00::1:8788"), /^error: fd00::1:8788: an IPv6 address stands in brackets \(example: \[fd00::1\]:8788\)$/m);
  assert.match(await refuse("--cluster-addr", "[::]:8788", "--cluster-advertise", "::1:8788"), /^error: ::1:8788: an IPv6 address stands in brackets/m);
  assert.match(await refuse("--cluster-addr", "127.0.0.1:0"), /^error: --cluster-addr takes a port other than 0, not 127\.0\.0\.1:0$/m);
});

for (const signal of ["SIGINT", "SIGTERM"]) {
  test(`${signal} lets go of its clients, and takes it out of the cluster before it ends`, async (t) => {
    const { url, address, exited, pid, printed } = await serve(t);
    const session = await openPollingSession(`${url}/echo`);
    const poll = await session.pendingPoll(t);
    const socket = await openWebSocket(t, `${url}/echo/000/${randomBytes(8).toString("hex")}/websocket`);
    assert.equal(await socket.frames.next("the open frame"), "o");
    process.kill(pid, signal);
    assert.deepEqual(await within(socket.closed, "the close"), { code: 1012, reason: "the server restarts" });
    assert.equal(await poll.body(), "");
    assert.equal((await fetch(`${url}/ready`)).status, 503);
    assert.deepEqual(await within(exited, "its end", 20_000), [0, null], printed());
    const nodes = [...(await new Records(bucket).nodes()).values()].filter((node) => node.address === address);
    assert.deepEqual(nodes.filter(({ draining }) => !draining), []);
  });
}
