// How many connections one address opens, counted by the platform's rate limiting, as Miniflare has it.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { startMiniflare } from "../harness/miniflare.mjs";
import { startServer } from "../harness/server.mjs";
import { readObjects } from "../harness/storage.mjs";
import { until } from "../harness/wait.mjs";
import { RECEIVES, knock } from "./doors.mjs";

const LIMIT = 5;
const vars = { SOCKJS_ADDRESS_LIMITER: "CONNECTIONS" };
const server = await startMiniflare({ after }, { vars, rateLimits: { CONNECTIONS: LIMIT } });
const from = (address, options) => ({ ...options, headers: { "CF-Connecting-IP": address } });

/**
 * Opens connections until one is refused; the sessions of those that were not. A minute that ends meanwhile begins the
 * count anew, once.
 */
async function exhaust(service, address, door = "xhr") {
  const sessions = [];
  for (;;) {
    assert.ok(sessions.length <= 2 * LIMIT, "the limit is kept");
    const session = randomUUID();
    const { status, body } = await knock(service, door, from(address, { session }));
    if (status === 429) {
      assert.equal(body, "Too many connections from this address: try again later.\n");
      assert.ok(sessions.length >= LIMIT, "nobody is refused before the limit");
      return sessions;
    }
    assert.ok([101, 200].includes(status), `${status} ${body}`);
    sessions.push(session);
  }
}

for (const [number, door] of [...RECEIVES, "websocket", "raw websocket"].entries()) {
  test(`an address that opened as many connections as it may is refused with 429: ${door}`, () =>
    exhaust(`${server.url}/echo`, `192.0.2.${number}`, door));
}

test("open sessions of such an address go on, other addresses and other services are open, and no object is asked", async () => {
  const address = "198.51.100.1";
  const echo = `${server.url}/echo`;
  const [session] = await exhaust(echo, address);
  const objects = () => Object.keys(readObjects(server.objects)).length;
  let refused = 0;
  for (let more = 0; more < 2 * LIMIT; more++) {
    const before = objects();
    if ((await knock(echo, "xhr", from(address))).status !== 429) continue; // the minute ended
    assert.equal(objects(), before);
    refused++;
  }
  assert.ok(refused >= LIMIT);

  for (let more = 0; more < 2 * LIMIT; more++) {
    assert.equal((await knock(echo, "xhr_send", from(address, { session }))).status, 204);
    assert.equal((await knock(echo, "xhr", from(address, { session }))).body, 'a["x"]\n');
  }
  assert.equal((await knock(echo, "xhr", from("198.51.100.2"))).status, 200);
  assert.equal((await knock(`${server.url}/close`, "xhr", from(address))).status, 200);
});

test("where the binding is missing clients get in, and the log says so", async (t) => {
  let log = "";
  const unbound = await startServer(t, { vars, log: (text) => (log += text) });
  assert.equal((await knock(`${unbound.url}/echo`, "xhr", from("192.0.2.1"))).status, 200);
  await until(() => log.includes("rate_limiter"), "the log to say so");
});
