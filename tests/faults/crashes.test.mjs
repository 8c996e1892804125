// kill -9 of everything, Worker and objects, at random moments in mid-stream, and a new runtime on the same storage.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { STREAMS, TRANSPORTS } from "../harness/protocol/transports.mjs";
import { openClient } from "./rig/client.mjs";
import { bare, fateOf } from "../harness/messages/fate.mjs";
import { randomNumbers } from "./rig/random.mjs";
import { LEVELS, startTrouble } from "./rig/trouble.mjs";

const CRASHES = 20;
const LONGEST_MS = 300;
const SPEECH = { count: 10_000, every_ms: 5, size: 1_000 };
const WINDOW = 64 << 10;

// Of a stream no more than one response is read, whose end would settle what was read.
const ENDLESS = { SOCKJS_RESPONSE_LIMIT: String(1 << 30) };

/** Has the application speak, under a number of its own for each attempt: of one that was cut nobody knows. */
async function speaks(client, speech) {
  do speech.round += 1;
  while ((await client.send(JSON.stringify({ speak: { ...SPEECH, round: speech.round } }))) !== 204);
  const word = `said ${speech.round}.`;
  await client.when(() => client.messages.some((message) => message.startsWith(word)), `words of round ${speech.round}`);
}

/** For each response that began with what another one had brought before: those messages. */
function reread({ messages, origins }) {
  const runs = new Map();
  messages.forEach((message, at) => {
    const before = at === 0 ? -1 : messages.lastIndexOf(message, at - 1);
    if (before < 0) return;
    const run = runs.get(origins[at]) ?? { from: origins[before], messages: [] };
    assert.notEqual(run.from, origins[at], `${bare(message)} came twice in one response`);
    assert.equal(run.from, origins[before], "read again is what came in one response");
    run.messages.push(message);
    runs.set(origins[at], run);
  });
  return [...runs.values()].map((run) => run.messages);
}

/** The messages that are missing, those together that followed one another. */
function gaps(said, lost) {
  const runs = [];
  let last = NaN;
  for (const message of lost) {
    const at = said.indexOf(message);
    if (at === last + 1) runs.at(-1).push(message);
    else runs.push([message]);
    last = at;
  }
  return runs;
}

for (const [level, vars] of Object.entries(LEVELS)) {
  test(`${level}: a client of any transport reads on through ${CRASHES} times kill -9`, async (t) => {
    const random = randomNumbers(t);
    const trouble = await startTrouble(t, { vars: { ...ENDLESS, ...vars } });
    const open = async (segment) => ({ segment, client: await openClient(t, trouble, segment), speech: { round: 0 } });
    const all = await Promise.all(Object.keys(TRANSPORTS).map(open));
    for (let crash = 1; crash <= CRASHES; crash++) {
      await Promise.all(all.map(({ client, speech }) => speaks(client, speech)));
      await sleep(random() * LONGEST_MS);
      await trouble.crash();
    }
    for (const { segment, client, speech } of all) {
      await speaks(client, speech);
      const said = trouble.told.said(client.id);
      const { lost, doubled, misplaced } = fateOf(said, client.messages);
      const read = client.messages.length - doubled.length;
      t.diagnostic(`${segment}: ${read} read, ${lost.length} lost, ${doubled.length} doubled in ${client.cuts} cuts`);

      assert.deepEqual(misplaced, []);
      assert.deepEqual(client.frames, ["o"]);
      assert.deepEqual(trouble.told.of(client.id).filter((told) => /^(open|close)/.test(told)), ["open"]);
      if (level === "default") assert.deepEqual(doubled, []);
      const missing = gaps(said, lost);
      assert.ok(missing.length <= CRASHES, "at most one window or one poll is missing for each crash");
      if (!STREAMS.includes(segment)) continue;
      for (const run of [...missing, ...reread(client)]) assert.ok(run.length * SPEECH.size <= WINDOW, `${run.map(bare)}`);
    }
  });
}
