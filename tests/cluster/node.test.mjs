// A bundle as a node of a cluster, and the checks of its surroundings before it starts.

import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { chmodSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { ownProject } from "../../scripts/bundle/project.mjs";
import { installBucket, startBucket } from "../../scripts/cluster/bucket.mjs";
import { Records } from "../../scripts/cluster/records.mjs";
import { freePort } from "../../scripts/free-port.mjs";
import { openPollingSession } from "../harness/clients/polling-session.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { until, within } from "../harness/waiting/wait.mjs";
import { makeBundle, publicDirectory } from "./bundle-rig.mjs";

const KEY = randomBytes(32).toString("hex");
const CREDENTIALS = { AWS_ACCESS_KEY_ID: "anybody", AWS_SECRET_ACCESS_KEY: "anything" };

await installBucket();
const bucket = await startBucket();
after(() => bucket.kill());
const bundle = await makeBundle({ after }, { project: ownProject() });

/** The settings of a node of a cluster of its own. */
async function node(vars) {
  return {
    SOCKJS_TEST_SERVICES: "true",
    CLUSTER_BUCKET: `${bucket.url}-${randomUUID()}`,
    CLUSTER_ADDRESS: `127.0.0.1:${await freePort()}`,
    CLUSTER_KEY: KEY,
    AWS_ENDPOINT_URL: bucket.endpoint,
    ...CREDENTIALS,
    ...vars,
  };
}

describe("a bundle as a node of a cluster", { concurrency: 2 }, () => {
  test("serves sessions, is ready, and stops within its time", async (t) => {
    const vars = await node({ STOP_TIMEOUT_MS: "4000" });
    const run = await bundle.start(t, vars);
    assert.equal(await (await fetch(`${run.url}/ready`)).text(), "ready\n");
    const session = await openPollingSession(`${run.url}/echo`);
    assert.equal((await session.send(["over xhr"])).status, 204);
    assert.equal((await session.poll()).body, 'a["over xhr"]\n');
    const socket = await openWebSocket(t, `${run.url}/echo/websocket`);
    socket.send("over a raw WebSocket");
    assert.equal(await socket.frames.next("the echo"), "over a raw WebSocket");

    const records = new Records(bucket);
    const [, prefix] = vars.CLUSTER_BUCKET.split(/^s3:\/\/[^/]+\//);
    const nodes = async () => [...(await records.nodes()).values()].filter(({ address }) => address === vars.CLUSTER_ADDRESS);
    assert.equal((await nodes()).length, 1);
    assert.equal(await run.terminate(), 0);
    assert.doesNotMatch(run.printed, /did not stop/);
    assert.deepEqual(await within(socket.closed, "the close"), { code: 1012, reason: "the server restarts" });
    assert.deepEqual((await nodes()).filter(({ draining }) => !draining), []);
    const left = (await records.keys()).filter((key) => key.startsWith(`${prefix}/.check`));
    assert.deepEqual(left, [], "objects of the check");
  });

  test("has defaults of its own, which the environment replaces", async (t) => {
    const run = await bundle.start(t, await node({ SOCKJS_HEARTBEATS: "alarm", NODE_NAME: "first", SOCKJS_LOG: "info" }));
    const { configuration } = run;
    for (const line of [
      '(name = "SOCKJS_PLACEMENT", text = "shards:16")',
      '(name = "SOCKJS_WEBSOCKET_HOLDER", text = "worker")',
      '(name = "SOCKJS_OBJECT_TIMEOUT", text = "45000")',
      '(name = "SOCKJS_HEARTBEATS", fromEnvironment = "SOCKJS_HEARTBEATS")',
    ]) {
      assert.ok(configuration.includes(line), line);
    }
    assert.equal(configuration.match(/SOCKJS_HEARTBEATS"/g).length, 2);
    await openPollingSession(`${run.url}/echo`);
    await until(() => /"sockjs":"opened".*"node":"first"/.test(run.printed), "the node's name in the log");
  });

  test("is reached by IPv6", async (t) => {
    const port = await freePort();
    const vars = await node({ LISTEN: "[::]:0", CLUSTER_ADDRESS: `[::]:${port}`, CLUSTER_ADVERTISE: `[::1]:${port}`, DRAIN_MS: "100" });
    const run = await bundle.start(t, vars);
    const url = run.url.replace("[::]", "[::1]");
    assert.equal(await (await fetch(`${url}/ready`)).text(), "ready\n");
    assert.equal(await (await fetch(`${url}/echo/000/a/xhr`, { method: "POST" })).text(), "o\n");
    assert.equal(await run.terminate(), 0);
    assert.match(run.printed, /clients that were let go: 0\nstopped\n$/);
  });

  test("takes the secrets from files", async (t) => {
    const directory = publicDirectory(t);
    const secret = (name, content) => {
      writeFileSync(join(directory, name), content);
      chmodSync(join(directory, name), 0o644);
      return join(directory, name);
    };
    const CLUSTER_KEY_FILE = secret("key", `${KEY}\n`);
    const lines = Object.entries({ ...CREDENTIALS, AWS_SESSION_TOKEN: "a token" }).map((pair) => `${pair.join("=")}\n`);
    const AWS_CREDENTIALS_FILE = secret("credentials", lines.join(""));
    const { CLUSTER_KEY, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, ...vars } = await node();
    const run = await bundle.start(t, { ...vars, CLUSTER_KEY_FILE, AWS_CREDENTIALS_FILE });
    assert.equal((await fetch(`${run.url}/ready`)).status, 200);
  });

  test("is not ready when its cluster port is not", async (t) => {
    const run = await bundle.start(t, await node({ STOP_TIMEOUT_MS: "8000" }));
    // workerd stops to be ready at SIGTERM, and goes on to accept requests for some seconds.
    const session = await openPollingSession(`${run.url}/echo`);
    await session.pendingPoll(t);
    process.kill(run.workerd, "SIGTERM");
    const response = await until(async () => {
      const response = await fetch(`${run.url}/ready`).catch(() => undefined);
      return response?.status === 503 && response;
    }, "503");
    assert.equal(await response.text(), "the node has no lease\n");
  });
});

/** A service of buckets that answers some requests otherwise than moto: `answer` gives `{ status, headers, body }`, or nothing. */
async function startService(owner, answer) {
  const server = createServer(async (request, response) => {
    // A node that is killed leaves in the middle of a request.
    const body = await request.toArray().catch(() => undefined);
    if (!body) return;
    const own = answer(request);
    if (own) return void response.writeHead(own.status ?? 200, own.headers).end(own.body);
    const { host: _, connection: __, ...headers } = request.headers;
    const options = { method: request.method, headers, body: body.length > 0 ? Buffer.concat(body) : undefined };
    // A node that outlives the test may still ask for something when moto is gone.
    const theirs = await fetch(`${bucket.endpoint}${request.url}`, options).catch(() => undefined);
    const text = await theirs?.text().catch(() => undefined);
    if (text === undefined) return void response.destroy();
    const { "content-length": ___, "content-encoding": ____, ...rest } = Object.fromEntries(theirs.headers);
    response.writeHead(theirs.status, rest).end(text);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  owner.after(() => server.close());
  return `http://127.0.0.1:${server.address().port}`;
}

const error = (status, code) => ({ status, body: `<Error><Code>${code}</Code></Error>` });
const denied = error(403, "AccessDenied");
const dated = (seconds) => ({ headers: { Date: new Date(Date.now() + 1_000 * seconds).toUTCString() } });
const isConditional = (header, value) => ({ method, headers }) => method === "PUT" && headers[header] === value;
const isList = ({ url }) => url.includes("list-type=2");

describe("before the start, the check finds", { concurrency: 2 }, () => {
  let writes = 0;
  for (const [what, answer, expected] of [
    ["a right to write that is missing", ({ method }) => method === "PUT" && denied, /the credentials may not write objects in s3:\S+: grant s3:PutObject$/],
    ["a right to read that is missing", ({ method, url }) => method === "GET" && !isList({ url }) && denied, /may not read objects in s3:\S+: grant s3:GetObject$/],
    ["a right to list that is missing", (request) => isList(request) && denied, /may not list objects in s3:\S+: grant s3:ListBucket \(on the bucket itself\)$/],
    ["a right to delete that is missing", ({ method }) => method === "DELETE" && denied, /may not delete objects in s3:\S+: grant s3:DeleteObject$/],
    ["a service that ignores If-None-Match", (request) => isConditional("if-none-match", "*")(request) && (writes += 1) > 1 && {}, /ignores If-None-Match: two nodes would own one object; use a service with conditional writes$/],
    ["a service that ignores If-Match", (request) => request.headers["if-match"] && {}, /ignores If-Match: two nodes would own one object; use a service with conditional writes$/],
    ["a service without conditional writes", ({ method }) => method === "PUT" && error(501, "NotImplemented"), /does not write objects in s3:\S+ \(501 NotImplemented\): use a service that does what Amazon S3 does$/],
    ["listings that come later", (request) => isList(request) && { body: "<ListBucketResult/>" }, /does not list an object that was just written: use a service with consistent listings$/],
    ["a bucket that is not there", () => error(404, "NoSuchBucket"), /there is no bucket sockjs-edge at http:\S+: create it, or correct CLUSTER_BUCKET$/],
    ["an access key that is wrong", () => error(403, "InvalidAccessKeyId"), /does not know the access key: correct AWS_ACCESS_KEY_ID$/],
    ["a secret that is wrong", () => error(403, "SignatureDoesNotMatch"), /the secret does not belong to the access key: correct AWS_SECRET_ACCESS_KEY, or AWS_REGION$/],
    ["a session token that is wrong", () => error(400, "InvalidToken"), /the session token is not valid: correct AWS_SESSION_TOKEN$/],
    ["credentials that have expired", () => error(400, "ExpiredToken"), /the credentials have expired: give new ones, by AWS_CREDENTIALS_FILE if they change$/],
    ["another region", () => ({ ...error(301, "PermanentRedirect"), headers: { "x-amz-bucket-region": "eu-west-1" } }), /the bucket sockjs-edge is not in the region us-east-1: set AWS_REGION to eu-west-1$/],
    ["a clock that is ahead", () => ({ ...denied, ...dated(-40) }), /this machine's clock is (39|40|41) s ahead of the bucket's; the nodes of a cluster must agree within 30 s: run an NTP service$/],
    ["a clock that is behind", () => ({ ...denied, ...dated(40) }), /this machine's clock is (39|40|41) s behind the bucket's; the nodes of a cluster must agree within 30 s: run an NTP service$/],
  ]) {
    test(what, async (t) => {
      const service = await startService(t, answer);
      const { code, printed } = await bundle.end(t, await node({ AWS_ENDPOINT_URL: service }));
      const [started, ...problems] = printed.trim().split("\n");
      assert.match(started, /^checking the clock and s3:/);
      assert.ok(problems.every((line) => line.startsWith("error: ")), printed);
      assert.match(problems[0], expected);
      assert.equal(problems.length, what.startsWith("a clock") ? 2 : 1, printed);
      assert.equal(code, 1);
    });
  }

  test("all that is missing at once", async (t) => {
    const service = await startService(t, (request) => (isList(request) || request.method === "DELETE") && denied);
    const { printed } = await bundle.end(t, await node({ AWS_ENDPOINT_URL: service }));
    assert.match(printed, /grant s3:ListBucket[^]*grant s3:DeleteObject/);
  });

  const UNANSWERED = /^error: http:\S+ does not answer \(.*\): check AWS_ENDPOINT_URL, the network, and the certificates of this machine$/m;

  test("a service that does not answer in time", async (t) => {
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    const { code, printed } = await bundle.end(t, await node({ AWS_ENDPOINT_URL: endpoint, BUCKET_TIMEOUT_MS: "0" }));
    assert.match(printed, UNANSWERED);
    assert.doesNotMatch(printed, /trying again/);
    assert.equal(code, 1);
  });

  test("a service that is out of order, and starts when it answers", async (t) => {
    let isBroken = true;
    const service = await startService(t, () => isBroken && error(503, "SlowDown"));
    const run = bundle.spawn(t, await node({ AWS_ENDPOINT_URL: service }));
    for (const line of [UNANSWERED, /^trying again for up to 300000 ms$/m]) await until(() => line.test(run.printed), String(line));
    isBroken = false;
    await run.listens();
    assert.equal((await fetch(`${run.url}/ready`)).status, 200);
    assert.equal(run.printed.match(/trying again/g).length, 1);
  });

  test("a clock that is off by some seconds, which is only a warning", async (t) => {
    const service = await startService(t, (request) => request.method === "DELETE" && { status: 204 });
    const late = await startService(t, (request) => isConditional("if-none-match", "*")(request) && { ...denied, ...dated(10) });
    const { printed } = await bundle.end(t, await node({ AWS_ENDPOINT_URL: late }));
    assert.match(printed, /^warning: this machine's clock is (9|10|11) s behind the bucket's; a cluster bears less than 30 s: run an NTP service$/m);
    const run = await bundle.start(t, await node({ AWS_ENDPOINT_URL: service }));
    assert.doesNotMatch(run.printed, /warning/);
  });

  test("the clock of Google Cloud Storage", async (t) => {
    const emulator = await startService(t, () => dated(40));
    const vars = await node({ CLUSTER_BUCKET: "gs://bucket/prefix", STORAGE_EMULATOR_HOST: emulator.slice("http://".length) });
    const { code, printed } = await bundle.end(t, vars);
    assert.match(printed, /^error: this machine's clock is (39|40|41) s behind the bucket's;/m);
    assert.equal(code, 1);
  });

  test("its end on a signal, between two attempts", async (t) => {
    const run = bundle.spawn(t, await node({ AWS_ENDPOINT_URL: `http://127.0.0.1:${await freePort()}` }));
    await until(() => run.printed.includes("trying again"), "the second attempt");
    assert.equal(await run.terminate(2_000), 0);
    assert.deepEqual(run.left, []);
  });

  test("its end on a signal, while the service does not answer", async (t) => {
    const asked = Promise.withResolvers();
    const service = createTcpServer(() => asked.resolve()).listen(0, "127.0.0.1");
    t.after(() => service.close());
    await once(service, "listening");
    const run = bundle.spawn(t, await node({ AWS_ENDPOINT_URL: `http://127.0.0.1:${service.address().port}` }));
    await within(asked.promise, "the check");
    assert.equal(await run.terminate(2_000), 0);
    assert.deepEqual(run.left, []);
  });

  test("nothing with SKIP_CHECKS=1", async (t) => {
    const checks = [];
    const service = await startService(t, ({ url }) => void (url.includes(".check-") && checks.push(url)));
    await bundle.start(t, await node({ AWS_ENDPOINT_URL: service, SKIP_CHECKS: "1" }));
    assert.deepEqual(checks, []);
    await bundle.start(t, await node({ AWS_ENDPOINT_URL: service }));
    assert.notDeepEqual(checks, []);
  });
});
