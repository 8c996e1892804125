// One run: builds a tree, publishes, causes faults, and returns the figures.

import { HOURS_PER_MONTH, PRICES, dollars } from "../cost/bill.mjs";
import { Checker } from "./checker.mjs";
import { Clock, Random } from "./clock.mjs";
import { Leaf } from "./leaf.mjs";
import { Middle } from "./middle.mjs";
import { SimulatedObject, newCounters } from "./object.mjs";
import { DESIGN, MEMBERS_PER_LEAF, PLATFORM, SENDERS } from "./parameters.mjs";
import { Publisher } from "./publisher.mjs";
import { RequestRelay } from "./requests.mjs";
import { Root } from "./root.mjs";
import { SocketRelay } from "./sockets.mjs";

const RELAYS = { sockets: SocketRelay, requests: RequestRelay };
const WARM_UP_MS = 120_000;
const DRAIN_MS = 1_200_000;
const PRESENCE_SETTLES_MS = 60_000;
const STEP_MS = 100;
const SECONDS_PER_MONTH = HOURS_PER_MONTH * 3600;

/**
 * Runs a scenario.
 *
 * @param {object} scenario
 * @param {number} [scenario.leaves]
 * @param {1 | 2} [scenario.levels] 1: the root sends to the leaves. 2: it sends to middles, and they send to the leaves
 * @param {number} [scenario.fanOut] children of a middle
 * @param {"sockets" | "requests"} [scenario.by] how a parent sends to its children
 * @param {"default" | "outbox"} [scenario.durability]
 * @param {number} scenario.rate messages a second
 * @param {number} scenario.seconds time in which messages are published
 * @param {{ every: number, messages: number }} [scenario.bursts] messages at once, every `every` seconds, in place of `rate`
 * @param {{ at: number, what: "root" | "middle" | "leaf" | "stuck", which?: number, seconds?: number }[]} [scenario.faults]
 * @param {"numbering" | "gaps" | "repeats"} [scenario.broken] a promise to break on purpose
 * @param {number} [scenario.seed]
 */
export function simulate(scenario) {
  const { leaves = 1000, levels = 2, fanOut = DESIGN.fanOut, by = "sockets", durability = "default" } = scenario;
  const { rate, seconds, bursts, faults = [], broken, seed = 1 } = scenario;
  const clock = new Clock();
  const random = new Random(seed);
  const times = publishTimes({ rate, seconds, bursts, random: new Random(seed) });
  const checker = new Checker({ messages: times.length, leaves });
  const isOutbox = durability === "outbox";
  const tree = grow({ clock, random, checker, leaves, levels, fanOut, by, isOutbox, broken });

  for (const relay of tree.relays) relay.start();
  const isConnected = () => tree.relays.every(({ connections }) => connections.every(({ isOpen }) => isOpen));
  runUntil(clock, WARM_UP_MS, isConnected);
  if (!isConnected()) throw new Error("the tree did not connect");
  const connectedMs = clock.now;
  for (const { counters } of tree.objects) Object.assign(counters, newCounters());
  for (const relay of tree.relays) relay.awakeMs = 0;

  const begin = clock.now;
  const end = begin + seconds * 1000;
  const publishers = Array.from({ length: SENDERS }, (_, name) => new Publisher({ name, clock, random: new Random(seed + name), root: tree.root, checker }));
  times.forEach((time, id) => clock.at(begin + time, () => publishers[id % SENDERS].publish(id)));
  for (const fault of faults) clock.at(begin + fault.at * 1000, () => strike(fault, { clock, random, tree }));
  for (const leaf of tree.leaves) leaf.churn(end);
  clock.run(end);
  const lastedMs = clock.now - begin;
  runUntil(clock, DRAIN_MS, () => publishers.every(({ isIdle }) => isIdle) && checker.isComplete);
  const bill = billOf({ tree, by, lastedMs, checker, publishes: times.length });
  const hasLostItsMemory = !isOutbox && faults.some(({ what }) => what === "root");
  const result = checker.result(hasLostItsMemory);
  if (by === "sockets") result.violations.push(...presence({ clock, tree }));
  result.violations.push(...bounds({ tree, by, faults }));
  const { longestHoldMs, refused } = tree.root;
  return { ...result, ...bill, connectedMs, messages: times.length, queues: queues(tree), ...closed(tree), longestHoldMs, refused };
}

function runUntil(clock, limitMs, isDone) {
  const end = clock.now + limitMs;
  while (clock.now < end && !isDone()) clock.run(Math.min(end, clock.now + STEP_MS));
}

function publishTimes({ rate, seconds, bursts, random }) {
  if (!bursts) {
    const count = Math.round(rate * seconds);
    return Array.from({ length: count }, (_, at) => ((at + random.next()) * 1000) / rate);
  }
  const times = [];
  for (let at = 1; at < seconds; at += bursts.every) {
    for (let message = 0; message < bursts.messages; message += 1) times.push(at * 1000 + message * 0.01);
  }
  return times;
}

function grow({ clock, random, checker, leaves, levels, fanOut, by, isOutbox, broken }) {
  const counters = { root: newCounters(), middle: newCounters(), leaf: newCounters() };
  const newObject = (kind) => new SimulatedObject(clock, counters[kind]);
  const newRelay = (object, level) =>
    new RELAYS[by]({ clock, random, object, patienceMs: DESIGN.roomPatienceMs - level * DESIGN.patienceStepMs });
  const rootObject = newObject("root");
  const root = new Root({ clock, checker, object: rootObject, relay: newRelay(rootObject, 0), isOutbox, broken });
  const middles = Array.from({ length: levels === 2 ? Math.ceil(leaves / fanOut) : 0 }, (_, index) => {
    const object = newObject("middle");
    const middle = new Middle({ index, clock, object, relay: newRelay(object, 1) });
    root.relay.add(middle);
    return middle;
  });
  const isBroken = broken === "gaps";
  const all = Array.from({ length: leaves }, (_, index) => {
    const leaf = new Leaf({ index, clock, random, object: newObject("leaf"), checker, isBroken });
    const parent = levels === 2 ? middles[index % middles.length] : root;
    parent.relay.add(leaf);
    return leaf;
  });
  const relays = [root, ...middles].map(({ relay }) => relay);
  for (const relay of relays) relay.resumesBlindly = isBroken;
  return { root, middles, leaves: all, relays, counters, objects: Object.values(counters).map((each) => ({ counters: each })) };
}

/** Causes a fault. The parent gets a close event, or none. */
function strike({ what, which = 0, seconds }, { clock, random, tree }) {
  if (what === "stuck") {
    tree.leaves[which].stick(seconds * 1000);
    return;
  }
  const ms = random.between(...PLATFORM.restartMs);
  if (what === "root") {
    tree.root.restart(ms);
    return;
  }
  const victim = { middle: tree.middles, leaf: tree.leaves }[what][which];
  const connection = tree.relays.flatMap(({ connections }) => connections).find(({ child }) => child === victim);
  const isSilent = random.chance(PLATFORM.silentShare);
  victim.restart(ms);
  if (isSilent) connection.isMute = true;
  else clock.at(connection.up.arrival(clock.now), () => connection.parent.lost(connection));
}

/** Checks that the root's count of members becomes the sum of the leaves' once nobody joins or leaves. */
function presence({ clock, tree }) {
  clock.run(clock.now + PRESENCE_SETTLES_MS);
  const truth = tree.leaves.reduce((sum, { count }) => sum + count, 0);
  const known = tree.root.relay.count;
  return known === truth ? [] : [`presence: the root counts ${known} members of ${truth}`];
}

/** Checks that queues stay within their limits, and that one slow leaf holds up the room for at most `room_patience`. */
function bounds({ tree, by, faults }) {
  const { root, middle, leaf } = queues(tree);
  // A request is answered while less than half a window waits, and the next one may bring a whole window.
  const leafBytes = DESIGN.windowBytes * (by === "requests" ? 1.5 : 1) + DESIGN.frameBytes;
  const isOneSlow = faults.length > 0 && faults.every(({ what }) => what === "stuck");
  const most = [
    ["messages at the root", root.messages, DESIGN.logMessages],
    ["messages at a middle", middle.messages, DESIGN.logMessages],
    ["bytes at a leaf", leaf.bytes, leafBytes],
    ["ms for which a slow leaf held up a publisher", isOneSlow ? tree.root.longestHoldMs : 0, DESIGN.roomPatienceMs],
  ];
  return most.filter(([, seen, limit]) => seen > limit).map(([what, seen, limit]) => `bounds: ${Math.ceil(seen)} ${what}, at most ${limit}`);
}

/**
 * Returns the dollars for each message and for a month, in three parts: delivery to the leaves, frames to members, their
 * acknowledgements.
 */
function billOf({ tree, by, lastedMs, checker, publishes }) {
  const { root, middle, leaf } = tree.counters;
  const parents = [root, ...(tree.middles.length > 0 ? [middle] : [])];
  if (by === "sockets") {
    root.busyMs = lastedMs;
    middle.busyMs = lastedMs * tree.middles.length;
  } else {
    const awake = (relays) => relays.reduce((sum, { awakeMs }) => sum + awakeMs, 0);
    const [first, ...others] = tree.relays;
    root.busyMs += awake([first]);
    middle.busyMs += awake(others);
  }
  const acks = checker.memberAcks;
  const way = { ...leaf, busyMs: 0, messages: leaf.messages - acks };
  const frames = { ...newCounters(), busyMs: leaf.busyMs };
  // A publish passes through the Worker.
  const publishing = { ...newCounters(), workerRequests: root.fetches };
  const parts = {
    way: [...parents, way, publishing].reduce((sum, counters) => sum + dollars(counters), 0),
    frames: dollars(frames),
    acks: (acks / PRICES.incomingMessagesPerRequest) * (PRICES.dollarsPerMillion.objectRequests / 1e6),
  };
  const total = parts.way + parts.frames + parts.acks;
  const perMonth = (SECONDS_PER_MONTH * 1000) / lastedMs;
  const each = Object.fromEntries(Object.entries(parts).map(([part, value]) => [part, value / publishes]));
  return { each: total / publishes, month: total * perMonth, parts: each };
}

function queues(tree) {
  const most = (list) => ({
    messages: Math.max(0, ...list.map(({ most: { messages } }) => messages)),
    bytes: Math.max(0, ...list.map(({ most: { bytes } }) => bytes)),
  });
  return { root: most([tree.root.relay]), middle: most(tree.middles.map(({ relay }) => relay)), leaf: most(tree.leaves) };
}

function closed(tree) {
  const sum = (kind) => tree.leaves.reduce((total, leaf) => total + leaf.closed[kind], 0);
  return { restarted: sum("restarted"), behind: sum("behind") };
}
