// Two builds as the two halves of one server: clients go on through deploys and rollbacks, whichever half comes first.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openPollingSession } from "../harness/clients/polling-session.mjs";
import { readEachObject } from "../harness/servers/storage.mjs";
import { until, within } from "../harness/waiting/wait.mjs";
import { TRANSPORTS, open } from "./clients.mjs";
import { startHalves } from "./halves.mjs";

const LEVELS = { default: {}, outbox: { SOCKJS_DURABILITY: "outbox" } };

/** Successive deployments: a deploy, a rollback of each half, and a deploy whose objects are replaced first. */
const STEPS = [
  { worker: "previous", object: "previous" },
  { worker: "current", object: "previous" },
  { worker: "current", object: "current" },
  { worker: "previous", object: "current" },
  { worker: "previous", object: "previous" },
  { worker: "previous", object: "current" },
  { worker: "current", object: "current" },
  { worker: "current", object: "previous" },
];

/** Time for which each step lasts at least, and the most requests that a client may make in each second of it. */
const STEP_MS = 4_000;
const RATE = 2;

/** The runtime puts an object to sleep after ten seconds of silence. */
const SLEEP_MS = 13_000;

/** Nothing wakes an object, and no stream of /trouble, which echoes texts, too, ends because it is long. */
const QUIET = { SOCKJS_HEARTBEAT_DELAY: "34000", SOCKJS_RESPONSE_LIMIT: String(1 << 30) };

/** More than `persist_after`. */
const PERSISTED_MS = 1_000;

const STREAMS = /\/(xhr_streaming|eventsource|htmlfile)$/;

const FOREIGN_MS = 8_000;

/** It takes 2.4 MB with its escapes. */
const LARGE = "\u0001".repeat(400_000);

/** Messages that each client sends in a step: short ones, and one that goes to the object in a body. */
const LONG = "x".repeat(20_000);
const messagesOf = (step) => [`${step} a`, `${step} é "\u2028" ${LONG}`, `${step} c`];

describe("this build and the previous one", { concurrency: true }, () => {
  for (const [level, vars] of Object.entries(LEVELS)) {
    test(`${level}: clients of all transports go on through deploys and rollbacks of each half`, async (t) => {
      const server = await startHalves(t, { ...STEPS[0], vars });
      const clients = new Map();
      for (const [number, halves] of STEPS.entries()) {
        const before = STEPS[number - 1] ?? halves;
        const change = Object.fromEntries(Object.entries(halves).filter(([half, build]) => before[half] !== build));
        const name = `step ${number} (${halves.worker} Worker, ${halves.object} object)`;
        const began = Date.now();
        await server.traffic();
        await server.deploy(change);
        if (change.object && clients.has("websocket")) {
          // It is the object's own, and ends with it.
          await within(clients.get("websocket").closed, `${name}: the end of the WebSocket`);
          clients.delete("websocket");
        }
        for (const transport of TRANSPORTS.filter((transport) => !clients.has(transport))) {
          clients.set(transport, await open(t, `${server.url}/echo`, transport));
        }
        // One more of each, which lives for this step.
        const guests = await Promise.all(TRANSPORTS.map((transport) => open(t, `${server.url}/echo`, transport)));
        await Promise.all([...clients.values(), ...guests].map((client) => exchange(client, number, name)));
        await sleep(STEP_MS - (Date.now() - began));
        for (const client of [...clients.values(), ...guests]) {
          assert.equal(client.waiting, 0, `${name}, ${client.transport}: nothing comes twice`);
        }
        guests.forEach((client) => client.leave());
        const seconds = (Date.now() - began) / 1_000;
        const { requests, asked } = await server.traffic();
        assertSlow(requests, seconds, name);
        assertNegotiated(asked, halves, name);
        t.diagnostic(`${name}: ${summary(asked)}`);
      }
      assert.deepEqual(server.log.filter((line) => /panicked|unknown message/.test(line)), []);
    });
  }

  for (const [worker, from, to] of [
    ["previous", "previous", "current"],
    ["previous", "current", "previous"],
    ["current", "previous", "current"],
    ["current", "current", "previous"],
  ]) {
    test(`a ${from} object sleeps and wakes as a ${to} one, its ${worker} Worker waiting: clients go on`, async (t) => {
      const server = await startHalves(t, { worker, object: from, vars: QUIET });
      const clients = await Promise.all(TRANSPORTS.map((transport) => open(t, `${server.url}/trouble`, transport)));
      await Promise.all(clients.map((client) => exchange(client, "awake", from)));
      const made = await server.made();
      await sleep(SLEEP_MS);
      await server.traffic();
      await server.deploy({ object: to, asleep: true });
      await Promise.all(clients.map((client) => exchange(client, "woken", to)));
      assert.ok((await server.made()) >= made + clients.length, "each of them slept");
      await Promise.all(clients.map((client) => exchange(client, "later", to)));
      const { requests } = await server.traffic();
      assert.deepEqual(requests.filter((path) => STREAMS.test(path)), [], "streams go on within their responses");
    });
  }

  for (const [from, to] of [["previous", "current"], ["current", "previous"]]) {
    test(`what a ${from} object stored, a ${to} one delivers`, async (t) => {
      for (const [level, vars] of Object.entries(LEVELS)) {
        const server = await startHalves(t, { worker: "current", object: from, vars });
        const session = await openPollingSession(`${server.url}/echo`);
        const messages = ["a", '\u2028\u{10ffff}"\\', "\u0001\u007f", "x".repeat(40_000), "e"];
        assert.equal((await session.send(messages.slice(0, 2))).status, 204);
        await until(() => storedRows(server) > 0, "the first row");
        assert.equal((await session.send(messages.slice(2))).status, 204);
        await sleep(PERSISTED_MS);
        await server.deploy({ worker: to, object: to });
        await assertReceives(session, messages, level);
        assert.equal((await session.send(["the end"])).status, 204);
        await assertReceives(session, ["the end"], level);
        assert.equal(storedRows(server), 0, `${level}: nothing is left`);
      }
    });
  }

  test("a stored message that is too large for a row of the previous build ends its session after a rollback", async (t) => {
    const vars = { SOCKJS_DURABILITY: "outbox", SOCKJS_QUEUE_LIMIT: "4194304" };
    const server = await startHalves(t, { worker: "current", object: "current", vars });
    const session = await openPollingSession(`${server.url}/echo`);
    assert.equal((await session.send(["before", LARGE])).status, 204);
    await server.deploy({ object: "previous" });
    // A client takes a second open frame for the end.
    assert.equal((await session.poll()).body, "o\n");
    await server.deploy({ object: "current" });
    assert.equal((await session.send([LARGE])).status, 204);
    await assertReceives(session, [LARGE], "after the next deploy");
  });

  test("a send that a current object cannot take for a previous Worker is 503 after 5 s, and ends its session with 1013", async (t) => {
    const own = { current: { SOCKJS_INBOX_LIMIT: "1000000" } };
    const server = await startHalves(t, { worker: "previous", object: "current", own });
    const session = await openPollingSession(`${server.url}/echo`);
    const accepted = [];
    let status;
    let began;
    do {
      const message = `${accepted.length} ${"x".repeat(200_000)}`;
      began = Date.now();
      ({ status } = await session.send([message]));
      if (status === 204) accepted.push(message);
    } while (status === 204 && accepted.length < 100);
    assert.equal(status, 503);
    assert.ok(Date.now() - began > 4_500, "it was held");
    const came = [];
    let body;
    while ((body = (await session.poll()).body).startsWith("a")) came.push(...JSON.parse(body.slice(1)));
    assert.equal(body, 'c[1013,"Messages come faster than they are handled"]\n');
    assert.ok(came.length > 0);
    assert.deepEqual(came, accepted.slice(0, came.length));
  });

  test("a Worker that holds WebSockets leaves them to a previous object, and holds those that come after the deploy", async (t) => {
    const own = { current: { SOCKJS_WEBSOCKET_HOLDER: "worker" } };
    const server = await startHalves(t, { worker: "current", object: "previous", own });
    const service = `${server.url}/echo`;
    const left = await open(t, service, "websocket");
    await exchange(left, "left to the object", "previous");
    assertNegotiated((await server.traffic()).asked.filter(({ kind }) => kind !== "hold"), {}, "a previous object");
    await server.deploy({ object: "current" });
    await within(left.closed, "the end of the WebSocket that the object held");

    const held = await open(t, service, "websocket");
    await exchange(held, "held", "current");
    await server.deploy({ object: "current" });
    await exchange(held, "held on", "current");
    assert.equal(held.waiting, 0, "nothing comes twice");
    await server.traffic();

    // A rollback: the object knows nothing of held WebSockets.
    await server.deploy({ object: "previous" });
    const { code } = await within(held.closed, "the end of the WebSocket that the Worker held");
    assert.equal(code, 1012);
    const { asked } = await server.traffic();
    assert.ok(asked.length < 5, `asked ${asked.length} times`);
    await exchange(await open(t, service, "websocket"), "after the rollback", "previous");
  });

  test("clients of an object that speaks no version of its Worker ask at most twice a second, and go on afterwards", async (t) => {
    const server = await startHalves(t, { worker: "current", object: "current" });
    const transports = TRANSPORTS.filter((transport) => transport !== "websocket");
    const clients = await Promise.all(transports.map((transport) => open(t, `${server.url}/echo`, transport)));
    await Promise.all(clients.map((client) => exchange(client, "before", "current")));
    await server.traffic();
    await server.deploy({ object: "foreign" });
    await sleep(FOREIGN_MS);
    const { requests, asked } = await server.traffic();
    assert.ok(asked.length > 0 && asked.every(({ status }) => status === 426));
    assertSlow(requests, FOREIGN_MS / 1_000, "foreign objects");
    await server.deploy({ object: "current" });
    await Promise.all(clients.map((client) => exchange(client, "after", "current")));
  });
});

function storedRows(server) {
  let rows = 0;
  readEachObject(server.objects, (database) => {
    const table = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'sockjs_messages_1'").get();
    if (table) rows += database.prepare("SELECT count(*) AS count FROM sockjs_messages_1").get().count;
  });
  return rows;
}

async function assertReceives(session, messages, what) {
  const came = [];
  while (came.length < messages.length) {
    const { body } = await session.poll();
    assert.match(body, /^a/, what);
    came.push(...JSON.parse(body.slice(1)));
  }
  assert.deepEqual(came, messages, what);
}

/** Each message comes back, in its turn. */
async function exchange(client, step, name) {
  for (const message of messagesOf(step)) {
    await client.send(message);
    const answer = await client.next(`${name}, ${client.transport}: ${message.slice(0, 20)}`);
    assert.equal(answer, message, `${name}, ${client.transport}`);
    await sleep(1_000);
  }
}

/** No session may ask more often than `RATE`. The messages of a step are slow enough to stay below it. */
function assertSlow(requests, seconds, name) {
  const counts = new Map();
  for (const path of requests) {
    const session = path.split("/").slice(0, 4).join("/");
    counts.set(session, (counts.get(session) ?? 0) + 1);
  }
  for (const [session, count] of counts) {
    // One more opens it, and /info comes before.
    assert.ok(count <= RATE * seconds + 1, `${name}: ${count} requests of ${session} in ${seconds} s`);
  }
}

/** A command that was refused because of its version is repeated once, and then not any more. */
function assertNegotiated(asked, halves, name) {
  const refused = asked.filter(({ status }) => status === 426);
  assert.ok(refused.every(({ version }) => version === 3), name);
  const isNegotiated = halves.worker === "current" && halves.object === "previous";
  if (isNegotiated) assert.ok(refused.length > 0, `${name}: the object was asked in another version first`);
  const failed = asked.filter(({ status }) => ![101, 200, 204, 426].includes(status));
  assert.deepEqual(failed, [], name);
}

function summary(asked) {
  const counts = {};
  for (const { version, kind, status } of asked) {
    const name = `v${version} ${kind} ${status}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return Object.entries(counts).sort().map(([name, count]) => `${count} × ${name}`).join(", ");
}
