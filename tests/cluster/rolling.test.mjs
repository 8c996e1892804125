// One node after the other is drained, stopped and started again, under sessions that send and receive numbered messages.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startCluster } from "../harness/cluster/cluster.mjs";
import { despiteCrashes } from "../harness/cluster/crash.mjs";
import { WebSocketSpeaker, assertUndisturbed, fateOfSpeaker, fatesOf, openSpeakers, runsOf } from "./rig.mjs";

const IS_FULL = Boolean(process.env.SOCKJS_FULL);
const SESSIONS = IS_FULL ? 80 : 10;
const WEBSOCKETS = IS_FULL ? 10 : 2;
/** Time between a drain and the end of its node. */
const DRAIN_MS = IS_FULL ? 3_000 : 1_000;
const RUNS = Number(process.env.SOCKJS_RUNS ?? 1);

for (let run = 1; run <= RUNS; run += 1) {
  test(`${SESSIONS + 2 * WEBSOCKETS} sessions go through a rolling restart of three nodes (${run})`, despiteCrashes(async (t) => {
    const cluster = await startCluster(t, { vars: { SOCKJS_DURABILITY: "outbox" }, timeDivisor: IS_FULL ? 1 : undefined });
    const speakers = await openSpeakers(t, cluster, SESSIONS);
    const held = await Promise.all(Array.from({ length: WEBSOCKETS }, () => WebSocketSpeaker.open(t, cluster)));
    await sleep(500);

    for (const node of cluster.nodes) {
      const others = cluster.nodes.filter((other) => other !== node);
      // What the health check of a proxy does.
      cluster.balance(others);
      await node.drain();
      await sleep(DRAIN_MS);
      await node.terminate();
      await node.start();
      cluster.balance(cluster.nodes);
      await sleep(500);
    }
    await Promise.all([...speakers, ...held].map((speaker) => speaker.end()));

    const { unheard, again, doubled, missing, misplaced } = fatesOf(speakers, cluster);
    const sent = speakers.reduce((sum, speaker) => sum + speaker.sent.length, 0);
    const longest = Math.max(...speakers.map(({ longestMs }) => longestMs));
    const ends = held.flatMap(({ sessions }) => sessions.map(({ end }) => end)).filter(Boolean);
    t.diagnostic(`${sent} sent, ${again.length} handled twice, longest send ${longest} ms, ${ends.length} WebSockets closed`);
    assertUndisturbed(speakers);
    assert.deepEqual({ unheard, doubled, missing, misplaced }, { unheard: [], doubled: [], missing: [], misplaced: [] });
    // At most the send that was on its way, once for each restart.
    for (const speaker of speakers) assert.ok(fateOfSpeaker(speaker, cluster).again.length <= cluster.nodes.length);
    for (const { code, reason } of ends) assert.deepEqual({ code, reason }, { code: 1012, reason: "the server restarts" });
    assert.ok(ends.length >= WEBSOCKETS, "each WebSocket was at a node that stopped");
    for (const { sessions } of held) {
      const { again, doubled, misplaced } = fateOfSpeaker(sessions.at(-1), cluster);
      assert.deepEqual({ doubled, misplaced }, { doubled: [], misplaced: [] });
      // What was handled in the last tenth of a second before its object moved.
      assert.ok(runsOf(again) <= cluster.nodes.length, `handled twice: ${again}`);
    }
  }));
}
