// An owner that is stopped in the middle of its work for longer than its lease, and goes on when another node owns its objects.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { QUICK, startCluster } from "../harness/cluster/cluster.mjs";
import { despiteCrashes } from "../harness/cluster/crash.mjs";
import { PersistentClient } from "../harness/clients/persistent-client.mjs";
import { Session } from "../harness/clients/session.mjs";
import { openWebSocketClient } from "../harness/clients/websocket-client.mjs";
import { TRANSPORTS } from "../harness/protocol/transports.mjs";
import { until, within } from "../harness/waiting/wait.mjs";
import { HttpSpeaker, LONG_MS, assertUndisturbed, fatesOf } from "./rig.mjs";

const DIVISOR = process.env.SOCKJS_FULL ? 1 : QUICK;
/** Each node asks on its links every 5 s whether the other end is there. */
const ASKED_AFTER_MS = 6_000;
/** A lease and a half. */
const PAUSED_MS = 30_000 / DIVISOR;
const VARS = { SOCKJS_PLACEMENT: "session", SOCKJS_DURABILITY: "outbox" };

test("sessions go on at another node while their owner hangs", despiteCrashes(async (t) => {
  // One object for all, since a WebSocket cannot be opened at one node and go on at another.
  const cluster = await startCluster(t, { count: 2, vars: { ...VARS, SOCKJS_PLACEMENT: "shards:1" }, timeDivisor: DIVISOR });
  const [holder, owner] = cluster.nodes;
  const [ofHolder] = cluster.toldBy;
  const open = (segment) => HttpSpeaker.openAcross(t, cluster, segment, { first: owner, then: holder });
  const speakers = await Promise.all(Object.keys(TRANSPORTS).map(open));
  const idle = await openWebSocketClient(t, { service: cluster.service("/trouble", holder) });

  owner.pause();
  const before = speakers.map(({ sent }) => sent.length);
  const isBack = () => speakers.every(({ client, sent }, at) => sent.length > before[at] + 2 && ofHolder.of(client.id).length > 0);
  await until(isBack, "all sessions to go on", LONG_MS);
  await ofHolder.hears(idle.id, "return", LONG_MS);
  idle.send("echo 0");
  await idle.readsMessage("echo 0", LONG_MS);
  await Promise.all(speakers.map((speaker) => speaker.end()));

  const { unheard, doubled, missing, misplaced } = fatesOf(speakers, cluster);
  assertUndisturbed(speakers);
  assert.deepEqual({ unheard, doubled, missing, misplaced }, { unheard: [], doubled: [], missing: [], misplaced: [] });
}));

test("clients of a node that hangs are not in the way of whoever comes for their sessions", despiteCrashes(async (t) => {
  const cluster = await startCluster(t, { count: 2, vars: VARS, timeDivisor: DIVISOR });
  const [owner, holder] = cluster.nodes;
  const open = async (segment) => {
    const session = new Session(t, cluster.service("/trouble", owner), "xhr");
    assert.equal(await session.next(), "o");
    const client = new PersistentClient(t, cluster.service("/trouble", holder), segment, session.id);
    client.readOn();
    await client.attached();
    return session;
  };
  const sessions = await Promise.all(Object.keys(TRANSPORTS).map(open));
  // Their links are known to have been there.
  await sleep(ASKED_AFTER_MS);

  holder.pause();
  await Promise.all(sessions.map(async (session) => {
    await session.send("echo");
    const isAdopted = async () => (await session.next(LONG_MS)) === 'a["echo"]';
    await until(isAdopted, "the poll to have the session", LONG_MS);
  }));
}));

test("what an owner does that was paused for longer than its lease reaches no client and no storage", despiteCrashes(async (t) => {
  const cluster = await startCluster(t, { count: 2, vars: VARS, timeDivisor: DIVISOR });
  const [holder, owner] = cluster.nodes;
  const [ofHolder, ofOwner] = cluster.toldBy;
  const open = (segment) => HttpSpeaker.openAcross(t, cluster, segment, { first: owner, then: holder });
  const speakers = await Promise.all(Object.keys(TRANSPORTS).map(open));
  const hasHeard = (told, count) => speakers.every(({ client }) => told.of(client.id).length > count);
  await until(() => hasHeard(ofOwner, 5), "the owner to handle messages", LONG_MS);

  owner.pause();
  await sleep(PAUSED_MS);
  await until(() => hasHeard(ofHolder, 2), "the other node to take over", LONG_MS);
  const before = speakers.map(({ client }) => ofOwner.of(client.id).length);
  owner.resume();
  // What it had in its hands it may handle now, but it ends since its lease is over.
  await within(owner.exited, "the old owner to end", LONG_MS);
  const late = speakers.flatMap(({ client }, at) => ofOwner.of(client.id).slice(before[at]));
  await Promise.all(speakers.map((speaker) => speaker.end()));

  // A handler that ran without effect does not count.
  for (const { client } of speakers) {
    const events = cluster.told.of(client.id);
    for (const event of late) {
      const at = events.lastIndexOf(event);
      if (at >= 0 && events.filter((other) => other === event).length > 1) events.splice(at, 1);
    }
  }
  const { unheard, again, doubled, missing, misplaced } = fatesOf(speakers, cluster);
  t.diagnostic(`${late.length} handlers of the old owner ran without effect, ${again.length} messages handled twice`);
  assertUndisturbed(speakers);
  assert.deepEqual({ unheard, doubled, missing, misplaced }, { unheard: [], doubled: [], missing: [], misplaced: [] });
}));
