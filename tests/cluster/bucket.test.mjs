// The bucket is out of reach, for one node or for all, for a moment or for longer than a lease.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { optionsFor } from "../../scripts/cluster/bucket.mjs";
import { QUICK, startCluster } from "../harness/cluster/cluster.mjs";
import { despiteCrashes } from "../harness/cluster/crash.mjs";
import { TRANSPORTS } from "../harness/protocol/transports.mjs";
import { startSlowProxy } from "../harness/proxies/slow-proxy.mjs";
import { within } from "../harness/waiting/wait.mjs";
import { HttpSpeaker, LONG_MS, assertUndisturbed, fatesOf } from "./rig.mjs";

const DIVISOR = process.env.SOCKJS_FULL ? 1 : QUICK;
/** A node ends about 12 s after its last renewal of its lease of 20 s that reached the bucket, and renews it every few seconds. */
const SHORT_MS = 8_000 / DIVISOR;
const LONG_OUTAGE_MS = 60_000 / DIVISOR;
const VARS = { SOCKJS_PLACEMENT: "session", SOCKJS_DURABILITY: "outbox" };

/** A cluster of two nodes, each with a way to the bucket of its own that can be shut. */
async function startWithWays(t) {
  const ways = [];
  const through = async (bucket, number) => {
    const way = await startSlowProxy(t, bucket.endpoint);
    ways[number - 1] = way;
    return { ...bucket, options: optionsFor(way.url) };
  };
  const cluster = await startCluster(t, { count: 2, vars: VARS, timeDivisor: DIVISOR, through });
  return { cluster, ways };
}

function shut(ways) {
  for (const { up, down } of ways) {
    up.shut();
    down.shut();
  }
}

function open(ways) {
  for (const { up, down } of ways) {
    up.open();
    down.open();
  }
}

const openSpeakers = (t, cluster, nodes) =>
  Promise.all(Object.keys(TRANSPORTS).map((segment) => HttpSpeaker.openAcross(t, cluster, segment, nodes)));

async function assertKept(speakers, cluster, t) {
  await Promise.all(speakers.map((speaker) => speaker.end()));
  const { unheard, again, doubled, missing, misplaced } = fatesOf(speakers, cluster);
  const longest = Math.max(...speakers.map(({ longestMs }) => longestMs));
  t.diagnostic(`longest send ${longest} ms, ${again.length} messages handled twice`);
  assertUndisturbed(speakers);
  assert.deepEqual({ unheard, doubled, missing, misplaced }, { unheard: [], doubled: [], missing: [], misplaced: [] });
}

for (const [who, which] of Object.entries({ "the owner": [1], "all nodes": [0, 1] })) {
  test(`eight seconds without the bucket, for ${who}: a pause`, despiteCrashes(async (t) => {
    const { cluster, ways } = await startWithWays(t);
    const [holder, owner] = cluster.nodes;
    const speakers = await openSpeakers(t, cluster, { first: owner, then: holder });
    await sleep(500);
    const cut = which.map((at) => ways[at]);
    shut(cut);
    await sleep(SHORT_MS);
    open(cut);
    await assertKept(speakers, cluster, t);
  }));
}

test("a minute without the bucket, for the owner: the node ends, and its objects move to a node that has the bucket", despiteCrashes(async (t) => {
  const { cluster, ways } = await startWithWays(t);
  const [holder, owner] = cluster.nodes;
  const speakers = await openSpeakers(t, cluster, { first: owner, then: holder });
  await sleep(500);
  shut([ways[1]]);
  await within(owner.exited, "the node to end", LONG_OUTAGE_MS);
  open([ways[1]]);
  await owner.start();
  await assertKept(speakers, cluster, t);
}));

test("a minute without the bucket, for all nodes: they end, and what was taken is there when they are started again", despiteCrashes(async (t) => {
  const { cluster, ways } = await startWithWays(t);
  const [holder, owner] = cluster.nodes;
  const [speaker] = await openSpeakers(t, cluster, { first: owner, then: holder });
  await sleep(500);
  shut(ways);
  await within(Promise.all(cluster.nodes.map(({ exited }) => exited)), "the nodes to end", LONG_OUTAGE_MS);
  open(ways);
  for (const node of cluster.nodes) await node.start();
  await speaker.end();
  const { unheard, missing, misplaced } = fatesOf([speaker], cluster);
  // Its response was cut, and a message that it read and whose acknowledgement died with both nodes comes again.
  assert.deepEqual(misplaced, []);
  // A message that was not taken may have been handled without effect.
  const isTaken = (message) => !speaker.refused.some((refused) => refused.startsWith(`${message.split(": ")[1]}:`));
  assert.deepEqual({ unheard: unheard.filter(isTaken), missing: missing.filter(isTaken) }, { unheard: [], missing: [] });
}));
