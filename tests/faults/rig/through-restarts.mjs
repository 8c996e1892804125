// Echoes of numbered messages on held WebSockets while their object is restarted again and again, at moments in which something is
// on its way.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startSlowProxy } from "../../harness/proxies/slow-proxy.mjs";
import { until, within } from "../../harness/waiting/wait.mjs";
import { bare, fateOf } from "../../harness/messages/fate.mjs";
import { HELD, OBJECT, livesOf } from "./held.mjs";
import { randomNumbers } from "./random.mjs";
import { describeLevels, startTrouble } from "./trouble.mjs";

const MESSAGES = 1_000;
const RESTARTS = 25;
/** Most restarts until half of them found something on its way. */
const RESTARTS_MAX = 4 * RESTARTS;
/** Most messages that are sent in one piece. */
const PIECE = 8;
/** Size of the messages of some pieces, so that a window fills; the others are small. */
const LARGE = 8_000;
const LARGE_SHARE = 0.1;
/** Longest time for which the first message of some pieces keeps its handler busy. */
const SLOW_MS = 10;
const SLOW_SHARE = 0.3;
/** Most messages that are sent and not handled: fewer than an inbox takes, however slow the machine is. */
const AHEAD = 500;
/**
 * Restarts that come at any moment, unless fewer than half found something on its way so far. The others wait for such a moment, for
 * `SEEK_MS` at most.
 */
const RANDOM_SHARE = 0.3;
const SEEK_MS = 5_000;
/** Most bytes that are on their way to a client without an acknowledgement. */
const WINDOW = 64 << 10;
const LONG_MS = 60_000;

/** Networks by their words in a test's name, with the longest pause between two pieces. */
const NETWORKS = {
  "": { pauseMs: 4 },
  " through a network of 100 ms each way": { roundTripMs: 200, pauseMs: 20 },
};

/**
 * Tests each kind of client at both levels, directly and through a slow network.
 *
 * @param {Record<string, { open: Function, frames: string[] }>} kinds functions that open a client, and the frames that it reads
 *   before any message
 */
export function testRestarts(kinds) {
  describeLevels((level, vars) => {
    for (const [name, kind] of Object.entries(kinds)) {
      for (const [where, network] of Object.entries(NETWORKS)) {
        const what = `${MESSAGES} messages come back${where} through ${RESTARTS} restarts of the object`;
        test(`${level}, ${name}: ${what}`, (t) => echoThroughRestarts(t, { level, vars, network, ...kind }));
      }
    }
  });
}

async function echoThroughRestarts(t, { level, vars, network, open, frames }) {
  const random = randomNumbers(t);
  const trouble = await startTrouble(t, { vars: { ...HELD, ...vars } });
  const { roundTripMs } = network;
  const service = roundTripMs ? `${(await startSlowProxy(t, trouble.server.url, { roundTripMs })).url}/trouble` : trouble.service;
  const client = await open(t, { service });
  let isClosed = false;
  client.closed.then(() => (isClosed = true));
  client.order({ keep: { text: "this" } });
  await client.readsMessage("kept");

  const { sent, restarts } = await speakThroughRestarts({ trouble, client, random, ...network });
  client.send("the end");
  await client.readsMessage("the end", LONG_MS);
  client.order({ recall: {} });
  await client.readsMessage("recalled this");
  await trouble.told.hears(client.id, "heard: recalled this");

  const echoes = client.messages.filter((message) => message.startsWith("echo "));
  const { lost, doubled, misplaced } = fateOf(sent, echoes);
  const read = countsOf(echoes);
  const heard = trouble.told.of(client.id).filter((event) => event.startsWith("heard: echo "));
  const handled = countsOf(heard.map((event) => event.slice("heard: ".length)));
  const again = [...handled.values()].reduce((sum, count) => sum + count - 1, 0);
  t.diagnostic(
    `${sent.length} sent, ${lost.length} lost, ${doubled.length} doubled, ${again} handled again, ` +
      `${restarts.filter(isLoaded).length} of ${restarts.length} restarts with messages unhandled and frames unacknowledged`,
  );
  assert.ok(sent.length >= MESSAGES && restarts.length >= RESTARTS);
  assert.deepEqual(misplaced, []);
  assert.deepEqual(sent.map(bare).filter((message) => !handled.has(message)), [], "handled at least once");
  assert.deepEqual([...read.keys()].filter((message) => read.get(message) > handled.get(message)), [], "no more echoes than it was handled");
  if (level === "outbox") assert.deepEqual(lost, []);
  assertWithinWindow(lost, sent);
  assert.equal(isClosed, false);
  assert.deepEqual(client.frames, frames);
  const lives = livesOf(trouble, client);
  assert.equal(lives[0], "open");
  assert.deepEqual(new Set(lives.slice(1)), new Set(["return"]));

  client.close(3000, "done");
  assert.deepEqual(await within(client.closed, "the close"), { code: 3000, reason: "done" });
  await trouble.told.hears(client.id, "closed");
  assert.equal(livesOf(trouble, client).filter((event) => event.startsWith("close: Client")).length, 1);
}

/** Counts how often each message occurs. */
function countsOf(messages) {
  const counts = new Map();
  for (const message of messages.map(bare)) counts.set(message, 1 + (counts.get(message) ?? 0));
  return counts;
}

const isLoaded = ({ unhandled, unacknowledged }) => unhandled > 0 && unacknowledged > 0;

/**
 * Sends messages without a break, `MESSAGES` at least, and restarts the object `RESTARTS` times at least, until half of the restarts
 * found something on its way. Resolves to what was `sent`, and to what was on its way at each of the `restarts`.
 */
async function speakThroughRestarts({ trouble, client, random, pauseMs }) {
  const sent = [];
  const events = trouble.told.of(client.id);
  const speak = async () => {
    const isLarge = random() < LARGE_SHARE;
    const isSlow = random() < SLOW_SHARE;
    const piece = Array.from({ length: 1 + Math.floor(random() * PIECE) }, (_, at) =>
      `echo ${sent.length + at}`.padEnd(isLarge ? LARGE : 0, "-"),
    );
    sent.push(...piece);
    if (isSlow) client.order({ sleep: { ms: Math.floor(random() * SLOW_MS), then: piece.shift() } });
    for (const message of piece) client.send(message);
    await sleep(random() * pauseMs);
    await until(() => sent.length - events.length <= AHEAD, "what was sent to be handled", LONG_MS);
  };
  const restarts = [];
  const isBehind = (count) => restarts.filter(isLoaded).length < count / 2;
  let before = 0;
  // An object that is lost again and again before it handled anything is given up.
  const isHandling = () => {
    const since = events.slice(before);
    return since.slice(since.indexOf("return") + 1).some((event) => event.startsWith("heard: "));
  };
  while (sent.length < MESSAGES || restarts.length < RESTARTS || isBehind(restarts.length)) {
    assert.ok(restarts.length < RESTARTS_MAX, `restarts find something on its way: ${JSON.stringify(restarts)}`);
    const share = Math.min(MESSAGES, ((restarts.length + 1) * MESSAGES) / RESTARTS);
    while (sent.length < share || !isHandling()) await speak();
    before = events.length;
    let isRestarted = false;
    const isSought = isBehind(restarts.length + 1) || random() > RANDOM_SHARE;
    const restart = trouble.restart(OBJECT, { seekMs: isSought ? SEEK_MS : 0 }).finally(() => (isRestarted = true));
    while (!isRestarted) await speak();
    restarts.push(await restart);
  }
  return { sent, restarts };
}

/** Asserts that no restart lost more than a window, in messages that follow one another. */
function assertWithinWindow(lost, sent) {
  const isLost = new Set(lost);
  let bytes = 0;
  for (const message of sent) {
    bytes = isLost.has(bare(message)) ? bytes + message.length : 0;
    assert.ok(bytes <= WINDOW, `${bytes} bytes lost up to ${bare(message)}`);
  }
}
