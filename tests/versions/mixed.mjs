// Two builds as the two halves of one server: clients go on through deploys and rollbacks, whichever half comes first.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openPollingSession } from "../harness/polling-session.mjs";
import { request } from "../harness/http.mjs";
import { until, within } from "../harness/wait.mjs";
import { TRANSPORTS, open } from "./clients.mjs";
import { startHalves } from "./halves.mjs";

const LEVELS = { default: {}, outbox: { SOCKJS_DURABILITY: "outbox" } };

/** What is deployed one after the other: a deploy, a rollback of each half, and a deploy whose objects come first. */
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
});

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
