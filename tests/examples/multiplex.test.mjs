// The client of the npm package websocket-multiplex against the example, and against that package's own server.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, test } from "node:test";
import { runInNewContext } from "node:vm";
import sockjs from "sockjs";
import SockJS from "sockjs-client";
import multiplex from "websocket-multiplex";
import { example } from "../../scripts/examples.mjs";
import { ROOT } from "../../scripts/tools.mjs";
import { connectStockClient } from "../harness/clients/stock-client.mjs";
import { bundled } from "../harness/servers/bundled.mjs";
import { startMiniflare } from "../harness/servers/miniflare.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { Queue } from "../harness/waiting/queue.mjs";
import { DEADLINE_MS } from "../harness/waiting/wait.mjs";
import { assertLoads } from "./page-scripts.mjs";

// A script for pages, which leaves a global behind.
const clientFile = createRequire(import.meta.url).resolve("websocket-multiplex/multiplex_client.js");
const { WebSocketMultiplex } = runInNewContext(`${readFileSync(clientFile, "utf8")}; ({ WebSocketMultiplex })`, { setTimeout });

const ours = await startServer({ after }, example("multiplex"));
const ported = await bundled(join(ROOT, "typescript/examples/multiplex/src/index.js"), { name: "multiplex", flags: ["nodejs_compat"] });
const onEdge = await startServer({ after }, ported);
const reference = await startReference();

for (const [name, server] of [["the example", ours], ["the package's own server", reference], ["that server on sockjs-edge", onEdge]]) {
  for (const transport of ["websocket", "xhr-streaming", "xhr-polling"]) {
    test(`${name}, ${transport}: channels open, answer and end side by side`, async (t) => {
      const open = channels(connect(t, server, transport));
      const ann = open("ann");
      const bob = open("bob");
      const carl = open("carl");
      await ann.hears("open", "message: Ann says hi!");
      await bob.hears("open", "message: Bob doesn't agree.");
      await carl.hears("open", "message: Carl says goodbye!", "close");

      ann.send("one, two,, three");
      bob.send("");
      await ann.hears("message: Ann nods: one, two,, three");
      await bob.hears("message: Bob says no to: ");

      ann.close();
      await ann.hears("close");
      bob.send("still there");
      await bob.hears("message: Bob says no to: still there");

      const again = open("ann");
      await again.hears("open", "message: Ann says hi!");
      again.send("back");
      await again.hears("message: Ann nods: back");
    });
  }

  test(`${name}: what is no frame, has no known topic or no open channel is ignored`, async (t) => {
    const client = await connectStockClient(t, `${server.url}/multiplex`, "websocket");
    const nothing = ["", "sub", "msg", "sub,", "sub,nobody", "msg,ann,hello", "uns,ann", "what,ann", "sub,carl,x", "sub,bob"];
    for (const frame of [...nothing, "sub,bob", "msg,bob"]) client.send(frame);
    const frames = ["msg,carl,Carl says goodbye!", "uns,carl", "msg,bob,Bob doesn't agree.", "msg,bob,Bob says no to: "];
    for (const frame of frames) assert.equal(await client.messages.next(), frame);
    client.send("uns,bob");
    client.send("msg,bob,hello");
    client.send("sub,ann");
    assert.equal(await client.messages.next(), "msg,ann,Ann says hi!");
  });
}

test("channels outlive the sleep of their object", async (t) => {
  const miniflare = await startMiniflare(t, example("multiplex"));
  const ann = channels(connect(t, miniflare, "websocket", { sessionId: () => "asleep" }))("ann");
  await ann.hears("open", "message: Ann says hi!");
  await miniflare.evict("/multiplex//session/asleep", "hibernate");
  ann.send("awake?");
  await ann.hears("message: Ann nods: awake?");
});

test("the page is served, and loads the clients that the tests use", async () => {
  const page = await (await fetch(ours.url)).text();
  assert.match(page, /new WebSocketMultiplex\(new SockJS\("\/multiplex"\)\)/);
  assertLoads(page, "sockjs-client", "websocket-multiplex");
});

function connect(owner, { url }, transport, options) {
  const socket = new SockJS(`${url}/multiplex`, null, { transports: transport, timeout: DEADLINE_MS, ...options });
  owner.after(() => socket.close());
  return socket;
}

/** Opens channels of one connection; each tells what happened to it in order. */
function channels(socket) {
  const multiplexer = new WebSocketMultiplex(socket);
  return (topic) => {
    const events = new Queue();
    const channel = multiplexer.channel(topic);
    channel.onopen = () => events.push("open");
    channel.onmessage = ({ data }) => events.push(`message: ${data}`);
    channel.onclose = () => events.push("close");
    return {
      send: (data) => channel.send(data),
      close: () => channel.close(),
      async hears(...expected) {
        for (const event of expected) assert.equal(await events.next(`${topic}: ${event}`), event);
      },
    };
  };
}

/** The example of the package, on sockjs-node. */
async function startReference() {
  const service = sockjs.createServer({ log() {} });
  const multiplexer = new multiplex.MultiplexServer(service);
  multiplexer.registerChannel("ann").on("connection", (channel) => {
    channel.write("Ann says hi!");
    channel.on("data", (data) => channel.write(`Ann nods: ${data}`));
  });
  multiplexer.registerChannel("bob").on("connection", (channel) => {
    channel.write("Bob doesn't agree.");
    channel.on("data", (data) => channel.write(`Bob says no to: ${data}`));
  });
  multiplexer.registerChannel("carl").on("connection", (channel) => {
    channel.write("Carl says goodbye!");
    channel.end();
  });
  const server = createServer();
  service.installHandlers(server, { prefix: "/multiplex" });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${server.address().port}` };
}
