// The circuit breakers of an upstream that works, whatever one client or a moment does.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, test } from "node:test";
import { knock } from "../harness/clients/doors.mjs";
import { openSession } from "../harness/clients/eager-session.mjs";
import { silent, startGateway, startUpstream } from "./upstream.mjs";

/** A busy machine is not to open clients before the answer of the upstream. */
const QUIET = { SOCKJS_LOG: "none", SOCKJS_UPSTREAM_OPEN: "after" };

describe("the circuit breaker", { concurrency: false }, () => {
  test("keeps no other room from a healthy upstream while one client asks for a room that fails", async (t) => {
    for (const status of [503, 0]) {
      const upstream = await startUpstream(t, { answer: ({ url }) => (url.endsWith("/bad") ? status : undefined) });
      const vars = { ...QUIET, SOCKJS_PREFIX: "/chat/{room}" };
      const { server } = await startGateway(t, { address: `${upstream.address}/{room}` }, { vars });
      const knockAt = async (room) => (await knock(`${server.url}/chat/${room}`, "websocket")).status;
      assert.equal(await knockAt("good"), 101);
      let isOver = false;
      const bad = [];
      const attacker = (async () => {
        while (!isOver) bad.push(await knockAt("bad"));
      })();
      for (let count = 0; count < 30; count++) {
        assert.equal(await knockAt("good"), 101);
        await sleep(50);
      }
      isOver = true;
      await attacker;
      assert.ok(bad.length > 20, `${bad.length} requests`);
      assert.ok(upstream.asked - upstream.accepted <= 10, `${upstream.asked - upstream.accepted} requests for the room that fails`);
    }
  });

  for (const seconds of [0.3, 1, 3]) {
    test(`lets 100 clients through at once to an upstream that accepts after ${seconds} s`, async (t) => {
      const upstream = await startUpstream(t, { answer: () => sleep(seconds * 1_000), onConnection: silent });
      const { service } = await startGateway(t, upstream, { vars: QUIET });
      const statuses = await Promise.all(Array.from({ length: 100 }, async () => (await knock(service, "websocket")).status));
      assert.deepEqual(new Set(statuses), new Set([101]));
    });
  }

  test("holds nobody up after an upstream broke 25 young connections at once", async (t) => {
    const upstream = await startUpstream(t);
    const { service } = await startGateway(t, upstream, { vars: QUIET });
    for (let count = 0; count < 25; count++) await openSession(t, service, "websocket");
    for (let count = 0; count < 25; count++) (await upstream.socket()).breakOff();
    await sleep(300);
    const statuses = await Promise.all(Array.from({ length: 40 }, async () => (await knock(service, "websocket")).status));
    assert.deepEqual(new Set(statuses), new Set([101]));
  });
});
