// An object does not answer a request in time, though its Worker is well: it never got the request, or its answer is lost.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { POLLS, STREAMS, TRANSPORTS } from "../harness/protocol/transports.mjs";
import { Client, openClient } from "./rig/client.mjs";
import { fateOf } from "../harness/messages/fate.mjs";
import { describeLevels, startTrouble } from "./rig/trouble.mjs";

/** Attempts of a stream to attach again, each of which waits 10 s for an answer. */
const ATTEMPTS = 5;
const LONG_MS = 120_000;

const TIMEOUTS = {
  "never gets": (trouble, ...what) => trouble.ignore(...what),
  "answers in vain": (trouble, ...what) => trouble.withhold(...what),
};

describeLevels(async (level, vars) => {
  const trouble = await startTrouble({ after }, { vars });
  const lives = (client) => trouble.told.of(client.id).filter((told) => /^(open|close)/.test(told));

  for (const [how, timeOut] of Object.entries(TIMEOUTS)) {
    // An open frame in the body of a 200 counts as delivered: who never gets it opens another session.
    for (const segment of how === "never gets" ? Object.keys(TRANSPORTS) : STREAMS) {
      test(`${level}, ${segment}: a session opens though its object ${how} the first request`, async (t) => {
        const client = new Client(t, trouble, segment);
        await timeOut(trouble, client.object, "attach", 1);
        client.readOn();
        await client.readsFrame("o", LONG_MS);
        assert.equal(await client.send("a"), 204);
        await client.readsMessage("a");
        await trouble.told.hears(client.id, "heard: a");
        assert.deepEqual(client.frames, segment === "jsonp" ? ["h", "o"] : ["o"]);
        assert.equal(client.cuts, 0);
        assert.deepEqual(lives(client), ["open"]);
      });
    }

    for (const segment of Object.keys(TRANSPORTS)) {
      test(`${level}, ${segment}: a send that the object ${how} is answered 503`, async (t) => {
        const client = await openClient(t, trouble, segment);
        await timeOut(trouble, client.object, "send", 1);
        assert.equal(await client.send("a"), 503);
        assert.equal(await client.send("b"), 204);
        await client.readsMessage("b");
        assert.deepEqual(client.messages, how === "never gets" ? ["b"] : ["a", "b"]);
      });
    }

    for (const segment of POLLS) {
      test(`${level}, ${segment}: a client polls on when the object ${how} a poll`, async (t) => {
        const client = new Client(t, trouble, segment);
        await client.readResponse();
        await timeOut(trouble, client.object, "attach", 1);
        const poll = client.readResponse();
        const sent = ["echo 1", "echo 2"];
        for (const message of sent) assert.equal(await client.send(message), 204);
        await poll;
        assert.deepEqual(client.frames, segment === "jsonp" ? ["o", "h"] : ["o"]);
        assert.deepEqual(client.messages, []);
        client.readOn();
        sent.push("echo 3");
        assert.equal(await client.send("echo 3"), 204);
        await client.readsMessage("echo 3");
        const { lost, doubled, misplaced } = fateOf(sent, client.messages);
        t.diagnostic(`lost: ${lost.length} of ${sent.length}`);
        assert.deepEqual({ doubled, misplaced }, { doubled: [], misplaced: [] });
        // By default what went to the Worker counts as delivered: that is the first frame.
        const mayLose = level === "default" && how === "answers in vain";
        assert.deepEqual(lost, mayLose ? sent.slice(0, lost.length) : []);
        assert.equal(client.frames.filter((frame) => frame !== "h").length, 1);
        assert.deepEqual(lives(client), ["open"]);
      });
    }

    for (const segment of STREAMS) {
      test(`${level}, ${segment}: nothing is lost when the object ${how} a request to attach again`, async (t) => {
        const client = await openClient(t, trouble, segment);
        assert.equal(await client.send("a"), 204);
        await client.readsMessage("a");
        await timeOut(trouble, client.object, "attach", 1);
        await trouble.restart(client.object);
        for (const message of ["b", "c"]) assert.equal(await client.send(message), 204);
        await client.readsMessage("c", LONG_MS);
        assert.deepEqual(client.messages, ["a", "b", "c"]);
        assert.deepEqual([client.frames, client.cuts, client.responses], [["o"], 0, 1]);
        assert.deepEqual(lives(client), ["open"]);
      });
    }
  }

  for (const segment of STREAMS) {
    test(`${level}, ${segment}: a response ends well when none of ${ATTEMPTS} requests to attach again is answered`, async (t) => {
      const client = await openClient(t, trouble, segment);
      await trouble.ignore(client.object, "attach", ATTEMPTS);
      await trouble.restart(client.object);
      for (const message of ["a", "b"]) assert.equal(await client.send(message), 204);
      await client.readsMessage("b", LONG_MS);
      assert.deepEqual(client.messages, ["a", "b"]);
      assert.deepEqual([client.frames, client.cuts, client.responses], [["o"], 0, 2]);
      assert.deepEqual(lives(client), ["open"]);
    });
  }
});
