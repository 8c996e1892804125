// The object is restarted in mid-stream, its memory and its sockets lost, while its Worker lives: what a deploy does, and
// what happens when the object's machine goes away.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { STREAMS, TRANSPORTS } from "../harness/protocol/transports.mjs";
import { openClient } from "./rig/client.mjs";
import { fateOf } from "../harness/messages/fate.mjs";
import { LEVELS, startTrouble } from "./rig/trouble.mjs";

const RESTARTS = 25;
const SPEECH = { count: 10_000, every_ms: 5, size: 200 };

for (const [level, vars] of Object.entries(LEVELS)) {
  describe(level, { concurrency: true }, async () => {
    const trouble = await startTrouble({ after }, { vars });
    for (const segment of Object.keys(TRANSPORTS)) {
      test(`${level}, ${segment}: a client reads on through ${RESTARTS} restarts of its object`, async (t) => {
        const client = await openClient(t, trouble, segment);
        const kind = (word) => client.messages.filter((message) => message.startsWith(word));
        const echoes = [];
        for (let round = 1; round <= RESTARTS; round++) {
          await client.order({ speak: { ...SPEECH, round } });
          await client.when(() => kind(`said ${round}.`).length > round % 7, `words of round ${round}`);
          echoes.push(`echo ${round}`);
          assert.equal(await client.send(echoes.at(-1)), 204);
          await trouble.restart(client.object);
        }
        assert.equal(await client.send("the end"), 204);
        await client.readsMessage("the end");
        await trouble.told.hears(client.id, "heard: the end");

        const said = fateOf(trouble.told.said(client.id), kind("said"));
        const echoed = fateOf(echoes, kind("echo"));
        t.diagnostic(`lost: ${said.lost.length} of ${kind("said").length} said, ${echoed.lost.length} of ${RESTARTS} echoes`);
        for (const { doubled, misplaced } of [said, echoed]) {
          assert.deepEqual({ doubled, misplaced }, { doubled: [], misplaced: [] });
        }
        if (level === "outbox") assert.deepEqual([said.lost, echoed.lost], [[], []]);
        // What the object had not given away, or not for good: the latest of its words.
        const roundOf = (message) => message.slice(0, message.indexOf(".") + 1);
        for (const lost of said.lost) {
          const later = kind(roundOf(lost)).filter((message) => fateOf([], [message, lost]).misplaced.length > 0);
          assert.deepEqual(later, [], `came, and ${lost} did not`);
        }

        assert.deepEqual(client.frames, ["o"]);
        assert.equal(client.cuts, 0);
        if (STREAMS.includes(segment)) assert.equal(client.responses, 1, "it all comes in one response");
        const lives = trouble.told.of(client.id).filter((told) => /^(open|close)/.test(told));
        assert.deepEqual(lives, ["open"]);
      });
    }
  });
}
