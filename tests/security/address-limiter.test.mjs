// The number of connections that one address opens, counted by the platform's rate limiting, as simulated by Miniflare.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { RECEIVES, knock } from "../harness/clients/doors.mjs";
import { start } from "../harness/clients/http.mjs";
import { startMiniflare } from "../harness/servers/miniflare.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { readObjects, storageEmpties } from "../harness/servers/storage.mjs";
import { until } from "../harness/waiting/wait.mjs";

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

/** Returns the number of requests that are not refused with 429. If a minute ends meanwhile, the count starts again, once. */
async function admitted(count, knockAt) {
  let passed = 0;
  for (let number = 0; number < count; number++) {
    const { status } = await knockAt(number);
    if (status === 429) continue;
    assert.ok([101, 200, 404].includes(status), String(status));
    passed++;
  }
  assert.ok(passed >= LIMIT && passed <= 2 * LIMIT, `${passed} of ${count} passed`);
}

for (const door of ["xhr", "xhr_send", "websocket"]) {
  test(`an address that goes from room to room is counted for all rooms together: ${door}`, () =>
    admitted(300, (room) => knock(`${server.url}/lobby/r${room}`, door, from(`203.0.113.${door.length}`))));
}

test("sends to sessions that nobody opened are counted, since each would start an object", async () => {
  const objects = () => Object.keys(readObjects(server.objects)).length;
  const before = objects();
  for (const door of ["xhr_send", "jsonp_send"]) {
    await admitted(50, () => knock(`${server.url}/echo`, door, from(`203.0.113.10${door.length}`)));
  }
  assert.ok(objects() - before <= 4 * LIMIT);
});

test("the addresses of one IPv6 network count together, and another network is open", async () => {
  const at = (address) => knock(`${server.url}/echo`, "xhr", from(address));
  await admitted(300, (number) => at(`2001:db8:0:7::${number.toString(16)}`));
  assert.equal((await at("2001:db8:0:8::1")).status, 200);
  await admitted(20, () => at("::ffff:203.0.113.50"));
  assert.equal((await at("2001:db8:0:9::1")).status, 200);
});

test("each session counts once, whatever it asks", async () => {
  const headers = from("203.0.113.60");
  for (let opened = 0; opened < LIMIT; opened++) {
    const session = randomUUID();
    assert.equal((await knock(`${server.url}/echo`, "xhr", { session, ...headers })).status, 200);
    for (let sent = 0; sent < 3; sent++) {
      assert.equal((await knock(`${server.url}/echo`, "xhr_send", { session, ...headers })).status, 204);
      assert.equal((await knock(`${server.url}/echo`, "xhr", { session, ...headers })).status, 200);
    }
  }
});

test("an id that is used again is counted each time it opens a session", async (t) => {
  const hasty = { ...vars, SOCKJS_DISCONNECT_DELAY: "1000" };
  const limited = await startMiniflare(t, { vars: hasty, rateLimits: { CONNECTIONS: LIMIT } });
  const url = `${limited.url}/echo/000/${randomUUID()}/xhr_streaming`;
  // One that is too many is seen by its open frame alone; a minute that ends meanwhile begins the count anew, once.
  const MOST = 2 * (LIMIT + 1);
  let opened = 0;
  for (; opened <= MOST; opened++) {
    const stream = await start(url, { method: "POST", headers: { "CF-Connecting-IP": "203.0.113.70" } });
    t.after(() => stream.close());
    if ((await stream.head()).status === 429) break;
    await stream.until("o\n");
    stream.reset();
    await storageEmpties(limited.objects);
  }
  assert.ok(opened >= LIMIT && opened <= MOST, `${opened} sessions were opened`);
});

test("the id of an open session opens nothing for another address that is at its limit", async () => {
  const echo = `${server.url}/echo`;
  const [session] = await exhaust(echo, "203.0.113.80");
  await exhaust(echo, "203.0.113.81");
  const statuses = [];
  for (let more = 0; more < 2 * LIMIT; more++) {
    statuses.push((await knock(echo, "xhr_send", from("203.0.113.81", { session }))).status);
  }
  assert.ok(statuses.filter((status) => status === 429).length >= LIMIT - 1, `${statuses}`);
});

test("each send to a session that nobody opened is counted, even if all of them have the same id", () => {
  const session = randomUUID();
  return admitted(50, () => knock(`${server.url}/echo`, "xhr_send", from("203.0.113.90", { session })));
});

test("where the binding is missing clients get in, and the log says so", async (t) => {
  let log = "";
  const unbound = await startServer(t, { vars, log: (text) => (log += text) });
  assert.equal((await knock(`${unbound.url}/echo`, "xhr", from("192.0.2.1"))).status, 200);
  await until(() => log.includes("rate_limiter"), "the log to say so");
});
