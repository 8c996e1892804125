// That the benchmark measures what it says: every message is looked for, and what comes out can be read.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { WebSocketServer } from "ws";
import { speed } from "../../bench/pages/pictures/speed.mjs";
import { Broadcast, Echo } from "../../bench/speed/loads.mjs";
import { Slice } from "../../bench/speed/slice.mjs";
import { follow } from "../../scripts/run.mjs";
import { nodeBinary } from "../../scripts/tools.mjs";
import { removeDirectory, temporaryDirectory } from "../harness/machine/temporary.mjs";

const RUN = fileURLToPath(new URL("../../bench/speed/run.mjs", import.meta.url));
const SERVERS = ["sockjs-edge", "duties", "floor", "sockjs-node"];
const ECHOES = ["websocket", "raw websocket", "xhr-polling", "xhr-streaming", "eventsource"];

test("a run of all modes gives a table and JSON, from which a picture can be drawn", async () => {
  const directory = temporaryDirectory();
  after(() => removeDirectory(directory));
  const json = join(directory, "speed.json");
  const modes = [...ECHOES, "openings", "broadcast", "memory"];
  const settings = { modes, shapes: [[200, 64]], rounds: 1, scale: 0.01, sliceMs: 1, warmUpMs: 1, settleMs: 1, scenarioMs: 1, json };
  const { code, output } = await follow(nodeBinary, [RUN, JSON.stringify(settings)]);
  assert.equal(code, 0, output);

  const { figures } = JSON.parse(readFileSync(json, "utf8"));
  const count = (mode, kind) => figures.filter((figure) => figure.mode === mode && figure.kind === kind).length;
  for (const mode of ECHOES) assert.deepEqual([count(mode, "rate"), count(mode, "processor")], [2, 2], mode);
  assert.deepEqual([count("openings", "rate"), count("broadcast", "rate"), count("memory", "rss"), count("memory", "pss")], [1, 1, 2, 2]);
  for (const { name, kind, medians } of figures) {
    assert.deepEqual(Object.keys(medians), SERVERS, name);
    if (kind === "rate") assert.ok(Object.values(medians).every((median) => median > 0), name);
  }
  for (const { name } of figures) assert.ok(output.includes(name), `${name} is in the table`);

  const picture = speed({ figures });
  assert.ok(picture.includes("websocket echo, 2×64, 32 B"));
  assert.doesNotMatch(picture, /NaN|undefined|Infinity/);
});

describe("a run fails", () => {
  const ECHO = (messages) => messages;
  const FAULTS = {
    "when a message is lost": [dropThird, /received message 0{11}3 in place of 0{11}2/],
    "when a message is doubled": [(messages) => [...messages, ...messages], /0{12} in place of 0{11}1|that was not sent: 0{12}/],
    "when messages are out of order": [swapper(), /received message 0{11}1 in place of 0{12}/],
    "when a message is changed": [(messages) => messages.map((text) => text.replace(/x$/, "y")), /message 0{12} came changed/],
  };
  for (const [name, [fault, error]] of Object.entries(FAULTS)) {
    test(name, async () => {
      const load = await Echo.open(await serve(fault), { mode: "websocket", sessions: 1, inFlight: 4, bytes: 32 });
      await assert.rejects(load.run(10), error);
      load.close();
    });
  }

  test("when a broadcast does not reach everyone in order", async () => {
    const load = await Broadcast.open(await serve(dropThird), { sessions: 1, inFlight: 4, bytes: 32 });
    await assert.rejects(load.run(10), /received message 0{11}3 in place of 0{11}2/);
    load.close();
  });

  test("when nothing comes any more", async () => {
    const slice = new Slice({ ms: 1, atLeast: 1, lostAfterMs: 50 });
    slice.begin();
    slice.begin();
    slice.finish();
    await assert.rejects(slice.result(new Promise(() => {})), /waited 50 ms for what was under way and got lost/);
  });

  test("but not when all is well", async () => {
    const load = await Echo.open(await serve(ECHO), { mode: "websocket", sessions: 2, inFlight: 4, bytes: 32 });
    const { count, total } = await load.run(1);
    assert.ok(count >= 8 && total >= count);
    load.close();
  });
});

/** A WebSocket server that echoes SockJS frames with a fault: its URL. */
async function serve(fault) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  after(() => server.close());
  server.on("connection", (socket) => {
    socket.send("o");
    socket.on("message", (data) => {
      const messages = fault(JSON.parse(data));
      if (messages.length > 0) socket.send(`a${JSON.stringify(messages)}`);
    });
  });
  return `http://127.0.0.1:${server.address().port}`;
}

function dropThird(messages) {
  return messages.filter((text) => !/^0{11}2/.test(text));
}

/** Gives each second message before the first. */
function swapper() {
  const held = [];
  return (messages) => {
    held.push(...messages);
    return held.length < 2 ? [] : held.splice(0).reverse();
  };
}
