// The bundle: what `npm run bundle` writes, and how its start.sh runs the Worker on one machine.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer as createTlsServer } from "node:https";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocketServer } from "ws";
import { ownProject, readProject } from "../../scripts/bundle/project.mjs";
import { writeBundle } from "../../scripts/bundle/write.mjs";
import { Problem, follow } from "../../scripts/run.mjs";
import { ROOT, nodeBinary } from "../../scripts/tools.mjs";
import { request } from "../harness/clients/http.mjs";
import { openPollingSession } from "../harness/clients/polling-session.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { makeAuthority, makeCertificate } from "../harness/servers/certificates.mjs";
import { until, within } from "../harness/waiting/wait.mjs";
import { makeBundle, publicDirectory } from "./bundle-rig.mjs";

const ON = { SOCKJS_TEST_SERVICES: "true" };
const TOKEN = "0123456789abcdef0123456789abcdef";

const bundle = await makeBundle({ after }, { project: ownProject() });

describe("a bundle", { concurrency: 2 }, () => {
  test("serves sessions, by a user without rights and without any other program in PATH than the system's", async (t) => {
    const run = await bundle.start(t, ON);
    const session = await openPollingSession(`${run.url}/echo`);
    assert.equal((await session.send(["over xhr"])).status, 204);
    assert.equal((await session.poll()).body, 'a["over xhr"]\n');
    const socket = await openWebSocket(t, `${run.url}/echo/000/${TOKEN}/websocket`);
    assert.equal(await socket.frames.next("the open frame"), "o");
    socket.send('["over WebSocket"]');
    assert.equal(await socket.frames.next("the echo"), 'a["over WebSocket"]');
  });

  test("reaches an upstream in a private network, and lets go of both sides when it stops", async (t) => {
    const upstream = new WebSocketServer({ host: "127.0.0.1", port: 0 });
    t.after(() => upstream.close());
    const ended = Promise.withResolvers();
    upstream.on("connection", (ws) => {
      ws.on("message", (data) => ws.send(data.toString()));
      ws.on("close", (code, reason) => ended.resolve([code, reason.toString()]));
    });
    await within(once(upstream, "listening"), "the upstream to listen");
    const run = await bundle.start(t, { SOCKJS_UPSTREAM: `ws://127.0.0.1:${upstream.address().port}/` });
    const socket = await openWebSocket(t, `${run.url}/sockjs/000/${TOKEN}/websocket`);
    assert.equal(await socket.frames.next("the open frame"), "o");
    socket.send('["to the upstream"]');
    assert.equal(await socket.frames.next("the echo"), 'a["to the upstream"]');
    run.signal("SIGTERM");
    assert.equal(await socket.frames.next("the close frame"), 'c[1012,"the server restarts"]');
    assert.deepEqual(await within(ended.promise, "the end of the upstream"), [1012, "the server restarts"]);
    assert.equal(await within(run.exited, "the end"), 0);
  });

  test("a raw WebSocket to an upstream is not closed by the drain, and breaks when it ends", async (t) => {
    const upstream = new WebSocketServer({ host: "127.0.0.1", port: 0 });
    t.after(() => upstream.close());
    await within(once(upstream, "listening"), "the upstream to listen");
    const run = await bundle.start(t, { SOCKJS_UPSTREAM: `ws://127.0.0.1:${upstream.address().port}/` });
    const socket = await openWebSocket(t, `${run.url}/sockjs/websocket`);
    assert.equal(await run.terminate(), 0);
    assert.match(run.printed, /clients that were let go: 0\n/);
    assert.equal((await within(socket.closed, "the close")).code, 1006);
  });

  test("trusts the authority of an upstream in the file that SSL_CERT_FILE names, and no other then", async (t) => {
    const directory = publicDirectory(t);
    makeAuthority(directory, "private");
    const tls = createTlsServer(makeCertificate(directory, "private", "localhost"));
    new WebSocketServer({ server: tls });
    tls.listen(0, "127.0.0.1");
    t.after(() => tls.close());
    await within(once(tls, "listening"), "the upstream to listen");
    makeAuthority(directory, "other");
    const vars = { SOCKJS_UPSTREAM: `wss://localhost:${tls.address().port}/` };
    for (const [more, opens] of [[{}, false], [{ SSL_CERT_FILE: join(directory, "private.pem") }, true], [{ SSL_CERT_FILE: join(directory, "other.pem") }, false]]) {
      const run = await bundle.start(t, { ...vars, ...more });
      const opening = openWebSocket(t, `${run.url}/sockjs/websocket`);
      if (opens) await opening;
      else await assert.rejects(opening, /502/);
    }
  });

  test("raises its limit of open files as far as it may", async (t) => {
    const run = await bundle.start(t, ON, { files: [256, 2048] });
    assert.match(readFileSync(`/proc/${run.workerd}/limits`, "utf8"), /^Max open files +2048 +2048 /m);
  });

  test("stops on SIGTERM and on SIGINT: its clients are let go, and it exits with 0", async (t) => {
    for (const signal of ["SIGTERM", "SIGINT"]) {
      const run = await bundle.start(t, { ...ON, SOCKJS_WEBSOCKET_HOLDER: "worker", DRAIN_MS: "500", STOP_TIMEOUT_MS: "30000" });
      const session = await openPollingSession(`${run.url}/echo`);
      const poll = await session.pendingPoll(t);
      const socket = await openWebSocket(t, `${run.url}/echo/000/${TOKEN}/websocket`);
      await socket.frames.next("the open frame");
      const started = Date.now();
      run.signal(signal);
      assert.deepEqual(await within(socket.closed, "the close"), { code: 1012, reason: "the server restarts" });
      assert.equal(await poll.body(), "");
      assert.equal(await within(run.exited, "the end"), 0);
      assert.match(run.printed, /clients that were let go: 2\nstopped\n$/);
      assert.ok(Date.now() - started >= 500);
    }
  });

  test("cuts off a client that stays for longer than STOP_TIMEOUT_MS, and leaves no process behind", async (t) => {
    const run = await bundle.start(t, { ...ON, STOP_TIMEOUT_MS: "1000" });
    const socket = await openWebSocket(t, `${run.url}/echo/000/${TOKEN}/websocket`);
    await socket.frames.next("the open frame");
    const started = Date.now();
    run.signal("SIGTERM");
    await sleep(500);
    // Another signal changes nothing.
    assert.equal(await run.terminate(), 0);
    assert.ok(Date.now() - started >= 1_000);
    assert.match(run.printed, /\nworkerd did not stop within 1000 ms: what is still open is cut off\nstopped\n$/);
    assert.deepEqual(run.left, []);
  });

  test("takes a signal before it listens, too", async (t) => {
    const started = (run, name) => existsSync(join(run.data, "run", name));
    for (const name of ["scratch", "node.capnp", "listening"]) {
      const run = bundle.spawn(t, ON);
      await until(() => started(run, name), name);
      assert.equal(await run.terminate(), 0, `${name}: ${run.printed}`);
      assert.deepEqual(run.left, [], name);
    }
  });

  test("exits with 1 if workerd ends by itself, or cannot listen", async (t) => {
    const run = await bundle.start(t, ON);
    process.kill(run.workerd, "SIGKILL");
    assert.equal(await within(run.exited, "the end"), 1);
    assert.match(run.printed, /error: workerd ended by itself, with status 137\n$/);

    const other = createServer().listen(0, "127.0.0.1");
    t.after(() => other.close());
    await once(other, "listening");
    const { code, printed } = await bundle.end(t, { ...ON, LISTEN: `127.0.0.1:${other.address().port}` });
    assert.equal(code, 1);
    assert.match(printed, /already in use/);
  });

  test("tells that it is ready until it is drained, which takes the token", async (t) => {
    const run = await bundle.start(t, { ...ON, SOCKJS_DRAIN_TOKEN: TOKEN });
    const ask = async (path, options) => {
      const response = await fetch(`${run.url}${path}`, options);
      return { status: response.status, text: await response.text(), cache: response.headers.get("Cache-Control") };
    };
    const authorization = (token) => ({ method: "POST", headers: { Authorization: `Bearer ${token}` } });
    assert.deepEqual(await ask("/ready"), { status: 200, text: "ready\n", cache: "no-store" });
    assert.deepEqual(await ask("/ready", { method: "HEAD" }), { status: 200, text: "", cache: "no-store" });
    for (const wrong of [{ method: "POST" }, authorization(""), authorization(TOKEN.slice(1)), authorization(TOKEN.replace("0", "1"))]) {
      assert.equal((await ask("/drain", wrong)).status, 404);
    }
    assert.equal((await ask("/drain")).status, 404);
    assert.equal((await ask("/ready")).status, 200);
    assert.deepEqual(await ask("/drain", authorization(TOKEN)), { status: 200, text: '{"clients":0}\n', cache: "no-store" });
    assert.deepEqual(await ask("/ready"), { status: 503, text: "draining\n", cache: "no-store" });
    assert.equal((await ask("/echo")).status, 200);
  });

  test("takes no other spelling for /ready or /drain, which a proxy in front would not refuse", async (t) => {
    const run = await bundle.start(t, { ...ON, SOCKJS_DRAIN_TOKEN: TOKEN });
    const ask = async (path, Host = "localhost") => {
      const headers = { Host, Authorization: `Bearer ${TOKEN}` };
      const answers = [await request(`${run.url}${path}`, { headers }), await request(`${run.url}${path}`, { headers, method: "POST" })];
      return answers.map(({ status }) => status);
    };
    for (const path of ["/./ready", "/x/../ready", "/x/%2e%2E/drain", "/.\\ready", "/x\\..\\drain"]) assert.deepEqual(await ask(path), [404, 404], path);
    for (const host of ["a/ready?", "a/drain?", "a\\ready?", "a/ready#"]) assert.deepEqual(await ask("/x", host), [404, 404], host);
    assert.equal((await fetch(`${run.url}/ready?x`)).status, 200);
  });

  test("limits the connections that one address opens", async (t) => {
    for (const more of [{}, { SOCKJS_ADDRESS_LIMITER: "" }, { SOCKJS_ADDRESS_LIMITER: "LIMITER" }]) {
      const run = await bundle.start(t, { ...ON, SOCKJS_ADDRESS_LIMIT: "2/60", ...more });
      const open = async (id) => (await fetch(`${run.url}/echo/000/${id}/xhr`, { method: "POST" })).status;
      const statuses = [await open("a"), await open("b"), await open("c"), await open("a")];
      assert.deepEqual(statuses, [200, 200, 429, 200], JSON.stringify(more));
    }
  });

  test("keeps what it writes from other users, and the token out of it", async (t) => {
    const run = await bundle.start(t, { ...ON, SOCKJS_DRAIN_TOKEN: TOKEN, SOCKJS_PUSH_TOKENS: `${TOKEN}${TOKEN}` });
    for (const name of readdirSync(run.data, { recursive: true })) assert.equal(statSync(join(run.data, name)).mode & 0o077, 0, name);
    assert.doesNotMatch(run.configuration, new RegExp(TOKEN));
  });
});

describe("wrong settings are refused before anything is started", { concurrency: 2 }, () => {
  const S3 = { CLUSTER_BUCKET: "s3://bucket/prefix", CLUSTER_ADDRESS: "127.0.0.1:8788", CLUSTER_KEY: TOKEN };
  const KEYS = { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "secret" };
  const { CLUSTER_KEY: _, ...S3_WITHOUT_KEY } = S3;
  for (const [vars, expected] of [
    [{ LISTEN: "8787" }, /^error: LISTEN is "8787": expected HOST:PORT \(example: 127\.0\.0\.1:8787\)$/],
    [{ LISTEN: "localhost:65536" }, /^error: LISTEN is "localhost:65536": expected HOST:PORT/],
    [{ LISTEN: '127.0.0.1", x = "1:80' }, /^error: LISTEN is .*: expected HOST:PORT/],
    [{ DRAIN_MS: "3s" }, /^error: DRAIN_MS is "3s": expected milliseconds \(example: 3000\)$/],
    [{ BUCKET_TIMEOUT_MS: "5m" }, /^error: BUCKET_TIMEOUT_MS is "5m": expected milliseconds/],
    [{ STOP_TIMEOUT_MS: "08000" }, /^error: STOP_TIMEOUT_MS is "08000": expected milliseconds/],
    [{ SKIP_CHECKS: "yes" }, /^error: SKIP_CHECKS is "yes": expected 1, or nothing$/],
    [{ SOCKJS_DRAIN_TOKEN: TOKEN.slice(1) }, /^error: SOCKJS_DRAIN_TOKEN has 31 characters: expected at least 32 printable characters, or nothing for a new token at each start$/],
    [{ SOCKJS_DRAIN_TOKEN: `${TOKEN} and more` }, /^error: SOCKJS_DRAIN_TOKEN has spaces or control characters: expected at least 32 printable/],
    [{ DATA_DIR: "/proc/data" }, /^error: DATA_DIR is "\/proc\/data", which cannot be written$/],
    [{ CLUSTER_KEY: TOKEN }, /^error: CLUSTER_BUCKET is not set, but other settings of a cluster are: set it, or leave them out$/],
    [{ ...S3, ...KEYS, CLUSTER_BUCKET: "bucket/prefix" }, /^error: CLUSTER_BUCKET is "bucket\/prefix": expected s3:\/\/bucket\/prefix or gs:/],
    [{ ...S3, ...KEYS, CLUSTER_BUCKET: "s3://bucket" }, /^error: CLUSTER_BUCKET is "s3:\/\/bucket": expected s3:\/\/bucket\/prefix/],
    [{ ...S3, ...KEYS, CLUSTER_BUCKET: "s3:///prefix" }, /^error: CLUSTER_BUCKET is "s3:\/\/\/prefix": the bucket has no name/],
    [{ ...S3, ...KEYS, CLUSTER_ADDRESS: "0.0.0.0:8788" }, /^error: CLUSTER_ADVERTISE is not set, .* \(example: 10\.0\.0\.5:8788\)$/],
    [{ ...S3, ...KEYS, CLUSTER_ADDRESS: "127.0.0.1:0" }, /^error: CLUSTER_ADDRESS is "127\.0\.0\.1:0": expected a port other than 0$/],
    [{ ...S3, ...KEYS, CLUSTER_ADVERTISE: "node1" }, /^error: CLUSTER_ADVERTISE is "node1": expected HOST:PORT/],
    [{ ...S3_WITHOUT_KEY, ...KEYS }, /^error: CLUSTER_KEY or CLUSTER_KEY_FILE is missing: expected the same secret for all nodes/],
    [{ ...S3, ...KEYS, CLUSTER_KEY: "short" }, /^error: the cluster's key has 5 characters: expected .* at least 32/],
    [{ ...S3, ...KEYS, CLUSTER_KEY: `${TOKEN} with spaces` }, /^error: the cluster's key has spaces or control characters/],
    [{ ...S3, ...KEYS, CLUSTER_KEY_FILE: "/proc/version" }, /^error: CLUSTER_KEY and CLUSTER_KEY_FILE are both set: leave one out$/],
    [{ ...S3_WITHOUT_KEY, ...KEYS, CLUSTER_KEY_FILE: "/nothing" }, /^error: CLUSTER_KEY_FILE is "\/nothing", which cannot be read$/],
    [S3, /^error: the credentials for s3:\/\/bucket\/prefix are missing: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_CREDENTIALS_FILE$/],
    [{ ...S3, AWS_ACCESS_KEY_ID: "id" }, /^error: AWS_SECRET_ACCESS_KEY is missing: AWS_ACCESS_KEY_ID is set$/],
    [{ ...S3, AWS_CREDENTIALS_FILE: "/nothing" }, /^error: AWS_CREDENTIALS_FILE is "\/nothing", which cannot be read$/],
    [{ ...S3, AWS_CREDENTIALS_FILE: "/proc/version" }, /^error: AWS_CREDENTIALS_FILE "\/proc\/version" has no line AWS_ACCESS_KEY_ID=\.\.\.$/],
    [{ ...S3, ...KEYS, AWS_ENDPOINT_URL: "minio:9000" }, /^error: AWS_ENDPOINT_URL is "minio:9000": expected http:\/\/host:port or https:\/\/host$/],
    [{ SOCKJS_HARTBEAT_DELAY: "1000" }, /^error: variable SOCKJS_HARTBEAT_DELAY is unknown; there are SOCKJS_DEVELOPMENT, /],
    [{ ...ON, SOCKJS_JURISDICTION: "eu" }, /^error: service "\/[a-z_]+": option jurisdiction is only for Cloudflare: leave it out$/],
    [{ SOCKJS_ADDRESS_LIMITER: "LIMITER" }, /^error: variable SOCKJS_ADDRESS_LIMITER names a binding, and only Cloudflare has rate-limiting bindings: leave it out, and set SOCKJS_ADDRESS_LIMIT \(example: 100\/60\)$/],
    [{ SOCKJS_ADDRESS_LIMIT: "100/60", SOCKJS_ADDRESS_LIMITER: "CONNECTIONS" }, /^error: variable SOCKJS_ADDRESS_LIMITER names a binding, and only Cloudflare/],
    [{ LISTEN: "::1:8787" }, /^error: LISTEN is "::1:8787": an IPv6 address stands in brackets \(example: \[fd00::1\]:8787\)$/],
    [{ ...S3, ...KEYS, CLUSTER_ADVERTISE: "fd00::1:8788" }, /^error: CLUSTER_ADVERTISE is "fd00::1:8788": an IPv6 address stands in brackets \(example: \[fd00::1\]:8787\)$/],
    [{ SOCKJS_ADDRESS_LIMIT: "100" }, /^error: variable SOCKJS_ADDRESS_LIMIT must be connections\/seconds, such as 100\/60$/],
  ]) {
    test(`${Object.entries(vars).map((pair) => pair.join("=")).join(" ")}`, async (t) => {
      const { code, printed } = await bundle.end(t, vars);
      assert.match(printed.trim(), expected);
      assert.equal(printed.trim().split("\n").length, 1, printed);
      assert.equal(code, 78);
    });
  }

  test("the log has the value of a variable that the Worker refuses", async (t) => {
    const { code, printed } = await bundle.end(t, { SOCKJS_HEARTBEAT_DELAY: "25s" });
    assert.equal(code, 78);
    const [text, log] = printed.trim().split("\n");
    assert.equal(text, "error: variable SOCKJS_HEARTBEAT_DELAY must be a whole number of milliseconds; the log has its value");
    assert.match(JSON.parse(log).problem, /SOCKJS_HEARTBEAT_DELAY is "25s"/);
  });

  test("with SKIP_CHECKS=1 the Worker itself answers what is wrong", async (t) => {
    const run = await bundle.start(t, { SOCKJS_HARTBEAT_DELAY: "1000", SKIP_CHECKS: "1" });
    const response = await fetch(run.url);
    assert.equal(response.status, 500);
    assert.match(await response.text(), /^variable SOCKJS_HARTBEAT_DELAY is unknown/);
  });
});

describe("a bundle of an application", { concurrency: 2 }, () => {
  const WORKER = `import { DurableObject } from "cloudflare:workers";
import greeting from "./greeting.txt";
export class Room extends DurableObject {}
export default { fetch: (request, { NUMBER, TEXT, GIVEN, OTHER, ROOM }) => Response.json({ NUMBER, TEXT, GIVEN, OTHER, room: ROOM.idFromName("a").name, greeting }) };
`;
  const CONFIG = `{
  // A comment, and a comma at the end.
  "name": "app", "main": "src/index.ts", /* "main": "other.ts", */
  "compatibility_date": "2026-11-01",
  "durable_objects": { "bindings": [{ "name": "ROOM", "class_name": "Room" }] },
  "vars": { "NUMBER": 5, "TEXT": "a \\"quoted\\" // text\\nof two lines" },
}
`;

  function makeProject(t, { config = CONFIG, files = { "index.js": WORKER, "greeting.txt": "hello", "README.md": "", "index.js.map": "" } } = {}) {
    const directory = publicDirectory(t);
    writeFileSync(join(directory, "wrangler.jsonc"), config);
    mkdirSync(join(directory, "build"));
    for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, "build", name), content);
    return directory;
  }

  test("has the variables of its configuration, which those of the environment replace", async (t) => {
    const app = await makeBundle(t, { project: readProject(makeProject(t)), names: ["GIVEN", "OTHER"] });
    const ask = async (vars) => (await fetch((await app.start(t, vars)).url)).json();
    const same = { room: "a", greeting: "hello" };
    assert.deepEqual(await ask({ GIVEN: "x" }), { NUMBER: 5, TEXT: 'a "quoted" // text\nof two lines', GIVEN: "x", ...same });
    assert.deepEqual(await ask({ NUMBER: "6", TEXT: "", OTHER: "y", UNKNOWN: "z" }), { NUMBER: "6", TEXT: "", OTHER: "y", ...same });
  });

  describe("is asked before its start whether it can serve its variables", { concurrency: 2 }, () => {
    const worker = (fetch, more = "") => `import { DurableObject } from "cloudflare:workers";
${more}
export class Room extends DurableObject {}
export default { fetch: ${fetch} };
`;
    const make = async (t, text) => makeBundle(t, { project: readProject(makeProject(t, { files: { "index.js": text, "greeting.txt": "" } })) });

    test("it cannot, which its response says", async (t) => {
      const refusal = '() => new Response("variable A is wrong\\nvariable B, too\\n", { status: 500, headers: { "SockJS-Edge-Problem": "settings" } })';
      const app = await make(t, worker(refusal, 'console.log("a line of the application");'));
      assert.deepEqual(await app.end(t), { code: 78, printed: "error: variable A is wrong\nerror: variable B, too\n" });
    });

    for (const [what, text, warning] of [
      ["it answers with 500", worker('() => new Response("my page is broken", { status: 500 })'), /^$/],
      ["it throws", worker('() => { throw new Error("no page at /"); }'), /^warning: the Worker did not answer GET \/ before the start \(.*no page at \/.*\)$/],
      ["it does not answer", worker("() => new Promise(() => {})"), /^warning: the Worker did not answer GET \/ before the start \(.+\)$/],
    ]) {
      test(`${what}, which says nothing of its variables: it starts`, async (t) => {
        const run = await (await make(t, text)).start(t);
        assert.match(run.printed.replace(/^listening on .*\n/m, "").trim(), warning);
      });
    }

    test("it cannot be loaded: another exit code than that of wrong settings", async (t) => {
      const { code, printed } = await (await make(t, worker("() => {}", 'throw new Error("at the top");'))).end(t);
      assert.match(printed, /at the top/);
      assert.match(printed, /^warning: workerd could not ask the Worker about its variables/m);
      assert.equal(code, 1);
    });
  });

  test("is refused where it could not run", (t) => {
    const change = (more) => makeProject(t, { config: CONFIG.replace('"name": "app"', `"name": "app", ${more}`) });
    const refuses = (directory, message) => assert.throws(() => readProject(directory), (error) => error instanceof Problem && message.test(error.message));
    refuses(change('"kv_namespaces": []'), /outside Cloudflare there is no kv_namespaces$/);
    refuses(change('"ratelimits": []'), /outside Cloudflare there is no ratelimits$/);
    refuses(makeProject(t, { config: CONFIG.replace('"name": "ROOM"', '"name": "ROOM", "script_name": "other"') }), /the class Room is another Worker's$/);
    refuses(makeProject(t, { config: CONFIG.replace("durable_objects", "x") }), /has no Durable Object$/);
    refuses(makeProject(t, { files: {} }), /index\.js is missing$/);
    refuses(publicDirectory(t), /has no wrangler\.toml, wrangler\.json or wrangler\.jsonc$/);
    refuses(makeProject(t, { config: "{" }), /wrangler\.jsonc: /);
  });

  test("has no module of a name that the bundle needs", async (t) => {
    const project = readProject(makeProject(t, { files: { "index.js": WORKER, "node.js": "" } }));
    await assert.rejects(makeBundle(t, { project }), /the Worker has a module node\.js, as the bundle does$/);
  });
});

describe("npm run bundle", { concurrency: 2 }, () => {
  const hashes = (directory) =>
    readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
      .map((file) => [file.slice(directory.length), createHash("sha256").update(readFileSync(file)).digest("hex"), statSync(file).mode])
      .sort();

  test("makes the same bundle of the same inputs, with a license of each part", async (t) => {
    const other = await makeBundle(t, { project: ownProject() });
    const files = hashes(other.directory);
    assert.deepEqual(files, hashes(bundle.directory));
    const names = files.map(([name]) => name);
    for (const name of ["sockjs-edge.LICENSE-APACHE", "sockjs-edge.LICENSE-MIT", "workerd.LICENSE", "aws4fetch.LICENSE"]) {
      assert.ok(names.includes(`/licenses/${name}`), name);
    }
    assert.match(readFileSync(join(other.directory, "VERSION"), "utf8"), /^sockjs-edge bundle\n\nsockjs-edge \d.*\nworkerd \d.*\naws4fetch \d.*\n$/);
    const ours = files.map(([name]) => name).filter((name) => name !== "/workerd");
    const named = ours.filter((name) => readFileSync(join(other.directory, name), "utf8").includes(ROOT));
    assert.deepEqual(named, [], "files that name the directory of the project");
  });

  test("makes a bundle that other users than its maker can run", async (t) => {
    const before = process.umask(0o077);
    const other = await makeBundle(t, { project: ownProject() }).finally(() => process.umask(before));
    for (const { parentPath, name } of readdirSync(other.directory, { recursive: true, withFileTypes: true })) {
      const path = join(parentPath, name);
      const { mode } = statSync(path);
      const isProgram = statSync(path).isDirectory() || path.endsWith("/start.sh") || path.endsWith("/workerd");
      assert.equal(mode & 0o777, isProgram ? 0o755 : 0o644, path);
    }
    assert.equal(statSync(other.directory).mode & 0o777, 0o755);
  });

  test("builds the image of compose.yaml once: several builds of one name at the same time fail", () => {
    const compose = readFileSync(join(bundle.directory, "deploy/compose.yaml"), "utf8");
    assert.equal(compose.match(/^ +build:/gm).length, 1);
    assert.equal(compose.match(/^ +pull_policy: never$/gm).length, 2);
  });

  test("replaces no directory with anything else, and says how it is used", async (t) => {
    const bundleScript = (...args) => follow(nodeBinary, [join(ROOT, "scripts/bundle.mjs"), ...args]);
    const directory = publicDirectory(t);
    writeFileSync(join(directory, "precious"), "");
    const { code, output } = await bundleScript("--out", directory);
    assert.equal(code, 1);
    assert.match(output, /is not empty, and no bundle/);
    for (const args of [[], ["--out", "x", "--env", "A=B"], ["--out", "x", "--nothing"]]) {
      const { code, output } = await bundleScript(...args);
      assert.equal(code, 2, output);
      assert.match(output, /^usage: npm run bundle/m);
    }
  });

  test("replaces a bundle, unless that would delete storage, or anything else that is no part of it", async (t) => {
    const { directory } = await makeBundle(t, { project: ownProject() });
    await writeBundle({ out: directory, project: ownProject() });
    const refuses = (message) =>
      assert.rejects(writeBundle({ out: directory, project: ownProject() }), (error) => error instanceof Problem && message.test(error.message));

    writeFileSync(join(directory, "override.yaml"), "precious");
    await refuses(/has override\.yaml, which is no part of a bundle$/);
    assert.equal(readFileSync(join(directory, "override.yaml"), "utf8"), "precious");
    rmSync(join(directory, "override.yaml"));

    mkdirSync(join(directory, "data/objects"), { recursive: true });
    writeFileSync(join(directory, "data/objects/room"), "precious");
    await refuses(/has data\/, the storage of a machine that runs this bundle$/);
    const { code, output } = await follow(nodeBinary, [join(ROOT, "scripts/bundle.mjs"), "--out", directory]);
    assert.equal(code, 1);
    assert.match(output, /error: .*\/bundle has data\/, the storage .*\nfix: .*DATA_DIR/);
    assert.equal(readFileSync(join(directory, "data/objects/room"), "utf8"), "precious");
  });

  test("has a README with each setting that start.sh reads", () => {
    const read = (name) => readFileSync(join(bundle.directory, name), "utf8");
    const settings = new Set([...read("start/settings.sh").matchAll(/\$\{?([A-Z]\w+)/g)].map(([, name]) => name));
    assert.ok(settings.size > 15, [...settings].join());
    const table = read("README.md").split("\n").filter((line) => line.startsWith("| `")).join("\n");
    for (const name of settings) assert.ok(table.includes(name), name);
  });

  test("has a unit for systemd whose user can read the secrets of a cluster, though only root can read their files", async (t) => {
    const unit = readFileSync(join(bundle.directory, "deploy/sockjs-edge.service"), "utf8");
    assert.match(unit, /^DynamicUser=yes$/m);
    const cluster = readFileSync(join(bundle.directory, "deploy/sockjs-edge.service.d/cluster.conf"), "utf8");
    const loaded = [...cluster.matchAll(/^LoadCredential=(\w+):\/etc\/sockjs-edge\/\w+$/gm)].map(([, name]) => name);
    const given = [...cluster.matchAll(/^Environment=(\w+)=%d\/(\w+)$/gm)].map(([, variable, name]) => [variable, name]);
    assert.deepEqual(given, [["CLUSTER_KEY_FILE", "key"], ["AWS_CREDENTIALS_FILE", "credentials"]]);
    assert.deepEqual(loaded, given.map(([, name]) => name));

    const analyze = "/usr/bin/systemd-analyze";
    if (!existsSync(analyze)) return t.diagnostic("systemd-analyze is missing: the unit is not verified");
    const directory = publicDirectory(t);
    mkdirSync(join(directory, "sockjs-edge.service.d"));
    writeFileSync(join(directory, "sockjs-edge.service"), unit.replace("ExecStart=/opt/sockjs-edge/", `ExecStart=${bundle.directory}/`));
    const verify = () => follow(analyze, ["verify", "--man=no", join(directory, "sockjs-edge.service")]);
    writeFileSync(join(directory, "sockjs-edge.service.d/cluster.conf"), `${cluster}Nonsense=1\n`);
    assert.match((await verify()).output, /cluster\.conf:\d+: Unknown key(?: name)? 'Nonsense'/);
    writeFileSync(join(directory, "sockjs-edge.service.d/cluster.conf"), cluster);
    assert.deepEqual(await verify(), { code: 0, output: "" });
  });

  test("has an image without the storage and the secrets of the machine that makes it, and with all that start.sh needs", () => {
    // The last line that matches a path counts. Docker and Podman read this file at the top of what they copy.
    const lines = readFileSync(join(bundle.directory, ".dockerignore"), "utf8").split("\n").filter((line) => line && !line.startsWith("#"));
    assert.equal(lines[0], "*");
    const copied = lines.slice(1).map((line) => /^!([\w.]+)$/.exec(line)[1]);
    assert.deepEqual(copied.sort(), ["VERSION", "licenses", "start", "start.sh", "tools", "worker", "workerd"]);
    const others = readdirSync(bundle.directory).filter((name) => !copied.includes(name));
    assert.deepEqual(others.sort(), [".dockerignore", "README.md", "deploy"]);
  });

  test("has deployment files that leave more time for a stop than it takes", () => {
    const read = (name) => readFileSync(join(bundle.directory, name), "utf8");
    const number = (name, pattern) => Number(pattern.exec(read(name))[1]);
    const drain = number("start/settings.sh", /DRAIN_MS:-(\d+)/) / 1_000;
    const stop = number("start/settings.sh", /STOP_TIMEOUT_MS:-(\d+)/) / 1_000 + 5;
    for (const [name, pattern] of [
      ["sockjs-edge.service", /^TimeoutStopSec=(\d+)$/m],
      ["compose.yaml", /^  stop_grace_period: (\d+)s$/m],
    ]) {
      assert.ok(number(`deploy/${name}`, pattern) > drain + stop, name);
    }
    const kubernetes = (pattern) => number("deploy/kubernetes.yaml", pattern);
    const ownDrain = kubernetes(/name: DRAIN_MS, value: "(\d+)"/) / 1_000;
    assert.ok(ownDrain > kubernetes(/periodSeconds: (\d+)/) * kubernetes(/failureThreshold: (\d+)/), "DRAIN_MS");
    assert.ok(kubernetes(/terminationGracePeriodSeconds: (\d+)/) > kubernetes(/command: \[sleep, "(\d+)"\]/) + ownDrain + stop);
  });

  test("has a manifest for Kubernetes with which no node starts before its placeholders are replaced", async (t) => {
    const manifest = readFileSync(join(bundle.directory, "deploy/kubernetes.yaml"), "utf8");
    const names = [...manifest.matchAll(/\{ name: (\w+), value: REPLACE \}/g)].map(([, name]) => name);
    assert.deepEqual(names, ["SOCKJS_TRUSTED_PROXIES", "SOCKJS_UPSTREAM", "SOCKJS_ALLOWED_ORIGINS"]);
    const upstream = { SOCKJS_UPSTREAM: "ws://127.0.0.1:9000/ws" };
    for (const name of names) assert.equal((await bundle.end(t, { ...upstream, [name]: "REPLACE" })).code, 78, name);
  });

  test("has a manifest for Kubernetes that lets only named peers connect, to either port", () => {
    const manifest = readFileSync(join(bundle.directory, "deploy/kubernetes.yaml"), "utf8");
    const [, rules] = /^  ingress:\n([^]*)$/m.exec(manifest.slice(manifest.indexOf("kind: NetworkPolicy")));
    const items = rules.split("\n").filter((line) => line.startsWith("    - "));
    assert.equal(items.length, 2);
    for (const item of items) assert.match(item, /^    - from: \[\{ (namespace|pod)Selector: \{ matchLabels: /);
  });
});
