// kill -9 of a node that owns objects and holds no client, while the clients of another node send and receive.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { PersistentClient } from "../harness/clients/persistent-client.mjs";
import { openWebSocketClient } from "../harness/clients/websocket-client.mjs";
import { QUICK, startCluster } from "../harness/cluster/cluster.mjs";
import { despiteCrashes } from "../harness/cluster/crash.mjs";
import { TRANSPORTS } from "../harness/protocol/transports.mjs";
import { until } from "../harness/waiting/wait.mjs";
import { HttpSpeaker, assertUndisturbed, fatesOf } from "./rig.mjs";

const KILLS = process.env.SOCKJS_FULL ? 20 : 2;
/** A lease, at the pace of these tests, and the 5 s that a pause may take besides. */
const PAUSE_MS = 20_000 / QUICK + 5_000;
/** A session of its own for each transport: each object is claimed by the node that is asked first. */
const VARS = { SOCKJS_PLACEMENT: "session" };
const LEVELS = { default: {}, outbox: { SOCKJS_DURABILITY: "outbox" } };

for (const [level, vars] of Object.entries(LEVELS)) {
  test(`${level}: sessions go on when the node that owns their objects is killed, ${KILLS} times`, despiteCrashes(async (t) => {
    const cluster = await startCluster(t, { count: 2, vars: { ...VARS, ...vars } });
    const [holder, victim] = cluster.nodes;
    const segments = Object.keys(TRANSPORTS);
    const all = [];
    for (let kill = 1; kill <= KILLS; kill += 1) {
      const open = (segment) => HttpSpeaker.openAcross(t, cluster, segment, { first: victim, then: holder });
      const speakers = await Promise.all(segments.map(open));
      await sleep(Math.random() * 2_000);
      assert.ok((await cluster.objectsOf(victim)).length >= speakers.length, "the node owns the objects");
      const before = speakers.map(({ sent }) => sent.length);
      await victim.kill();
      const isBack = () => speakers.every(({ sent }, at) => sent.length > before[at] + 2);
      await until(isBack, "all sessions to go on", 2 * PAUSE_MS);
      await Promise.all(speakers.map((speaker) => speaker.end()));
      for (const { client } of speakers) client.leave();
      all.push(...speakers);
      await victim.start();
    }

    const { unheard, again, doubled, missing, misplaced } = fatesOf(all, cluster);
    const sent = all.reduce((sum, speaker) => sum + speaker.sent.length, 0);
    const longest = Math.max(...all.map(({ longestMs }) => longestMs));
    t.diagnostic(`${sent} sent, ${again.length} handled twice, ${unheard.length} not handled, ${missing.length} answers lost, longest pause ${longest} ms`);
    assertUndisturbed(all);
    assert.deepEqual({ doubled, misplaced }, { doubled: [], misplaced: [] });
    if (level === "outbox") assert.deepEqual({ unheard, missing }, { unheard: [], missing: [] });
    assert.ok(longest < PAUSE_MS, `the longest pause was ${longest} ms`);
  }));
}

test("newcomers to the room of a node that was killed wait until its lease is over", despiteCrashes(async (t) => {
  const cluster = await startCluster(t, { count: 2, vars: { SOCKJS_PLACEMENT: "room" } });
  const [holder, victim] = cluster.nodes;
  const first = await HttpSpeaker.open(t, cluster, "xhr", victim);
  assert.equal((await cluster.objectsOf(victim)).length, 1, "the node owns the room");
  await first.end();
  first.client.leave();
  await victim.kill();

  const service = cluster.service("/trouble", holder);
  const openOverHttp = async (segment) => {
    const client = new PersistentClient(t, service, segment);
    client.readOn();
    await client.readsFrame("o", 2 * PAUSE_MS);
  };
  const before = Date.now();
  await Promise.all([openWebSocketClient(t, { service }), ...Object.keys(TRANSPORTS).map(openOverHttp)]);
  const waited = Date.now() - before;
  t.diagnostic(`all were open after ${waited} ms`);
  assert.ok(waited > 1_000, "the lease was not over");
}));
