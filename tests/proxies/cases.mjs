// Requirements on each proxy with its documented configuration, in front of a cluster of three nodes.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { globalAgent } from "node:https";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocketServer } from "ws";
import { startChromium } from "../harness/clients/chromium.mjs";
import { connectStockClient } from "../harness/clients/stock-client.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { startCluster } from "../harness/cluster/cluster.mjs";
import { exchange, nastyMessages } from "../harness/messages/exchange.mjs";
import { connectInPage } from "../harness/pages/page-socket.mjs";
import { openPage } from "../harness/pages/pages.mjs";
import { STREAMS, TRANSPORTS, receivePath } from "../harness/protocol/transports.mjs";
import { Queue } from "../harness/waiting/queue.mjs";
import { until, within } from "../harness/waiting/wait.mjs";
import { CLIENT, expected, forgedHeaders, forwarded, testForwarded } from "./forwarded.mjs";
import { fetchAll, open } from "./https.mjs";
import { testOperatorPaths } from "./operator-paths.mjs";
import { PROXIES, documented } from "./programs.mjs";
import { startProxy } from "./start.mjs";

const NODE_TRANSPORTS = ["websocket", "xhr-streaming", "eventsource", "xhr-polling"];
/** Those whose sessions outlive their node. */
const SURVIVORS = NODE_TRANSPORTS.filter((transport) => transport !== "websocket");
const PAGE_TRANSPORTS = [
  ...NODE_TRANSPORTS,
  "jsonp-polling",
  "iframe-eventsource",
  "htmlfile",
  "iframe-htmlfile",
  "iframe-xhr-polling",
];
const MESSAGES = 50;

/** Defaults of `heartbeat_delay` and `send_timeout`. */
const LONGEST_WAITS_S = [25, 55];
const HEARTBEAT_MS = 1_500;
/** In place of the documented 60 s, as the heartbeats are in place of 25 s. */
const IDLE = "3s";
/** Less than a heartbeat. */
const TOO_SHORT = "1s";
/** Three idle timeouts. */
const SILENCE_MS = 9_000;

/** A piece of a stream that the proxy buffers comes with a later heartbeat, or never. */
const PROMPT_MS = 2_000;
/** For the health checks to see a change. */
const HEALTH_MS = 4_000;

/** Enough that each node has one, whatever else is asked at the same time. */
const WEBSOCKETS = 24;

// A proxy that reads its configuration again closes kept connections. A browser repeats a request that was on its way; Node does not.
globalAgent.options.keepAlive = globalAgent.keepAlive = false;

export async function testProxy(name) {
  const upstream = await startUpstream({ after });
  const vars = { SOCKJS_HEARTBEAT_DELAY: String(HEARTBEAT_MS), SOCKJS_TRUSTED_PROXIES: "127.0.0.1", SOCKJS_UPSTREAM: upstream.address };
  const cluster = await startCluster({ after }, { vars });
  const nodes = cluster.nodes.map(({ url }) => url);
  const { url: proxy } = await startProxy({ after }, name, { nodes, idle: IDLE, change });
  const browser = await startChromium({ after });
  const lenient = { newContext: () => browser.newContext({ ignoreHTTPSErrors: true }) };
  const echo = `${proxy}/echo`;
  const forged = forgedHeaders(proxy);

  test(`${name}: each documented idle timeout is longer than the heartbeat and the longest send`, () => {
    for (const option of PROXIES[name].idle) {
      const [, seconds] = new RegExp(`^\\s*${option} (\\d+)s;?$`, "m").exec(documented(name)) ?? assert.fail(`no ${option}`);
      assert.ok(Number(seconds) > Math.max(...LONGEST_WAITS_S), `${option} ${seconds}s`);
    }
  });

  describe(`${name}: the stock client in Node`, { concurrency: 2 }, () => {
    for (const transport of NODE_TRANSPORTS) {
      test(`${transport}: ${MESSAGES} messages go both ways in order`, async (t) => {
        const client = await connectStockClient(t, echo, transport);
        assert.equal(client.transport, transport);
        await exchange(client, nastyMessages(MESSAGES));
      });
    }
  });

  describe(`${name}: the stock client in Chromium`, { concurrency: 2 }, () => {
    for (const transport of PAGE_TRANSPORTS) {
      test(`${transport}: ${MESSAGES} messages go both ways in order`, async (t) => {
        const page = await openPage(t, lenient, { url: echo, service: echo });
        const client = await connectInPage(page, echo, transport);
        assert.equal(client.transport, transport);
        await exchange(client, nastyMessages(MESSAGES));
      });
    }
  });

  describe(`${name}: a stream`, { concurrency: true }, () => {
    for (const segment of STREAMS) {
      const { method } = TRANSPORTS[segment];

      test(`${segment}: the open frame and a message come at once, while the response goes on`, async (t) => {
        const session = `${echo}/000/${randomUUID()}`;
        const stream = await within(open(`${session}/${receivePath(segment)}`, { method }), "the head", PROMPT_MS);
        t.after(() => stream.leave());
        const began = Date.now();
        await stream.reads({ eventsource: "data: o", htmlfile: 'p("o")' }[segment] ?? "o\n", PROMPT_MS);
        const opened = Date.now() - began;
        const sent = Date.now();
        assert.equal((await send(session, "now")).status, 204);
        await stream.reads("now", PROMPT_MS);
        t.diagnostic(`open frame after ${opened} ms, message after ${Date.now() - sent} ms`);
        assert.equal(stream.hasEnded, false);
      });

      test(`${segment}: the node notices at once that the client left`, async () => {
        const session = `${echo}/000/${randomUUID()}`;
        const first = await open(`${session}/${receivePath(segment)}`, { method });
        await first.reads({ eventsource: "data: o", htmlfile: 'p("o")' }[segment] ?? "o\n");
        first.leave();
        await sleep(500);
        const second = await open(`${session}/${receivePath(segment)}`, { method });
        // Of a client that it takes for present, it would say c[2010,"Another connection still open"].
        await second.reads("c[1002,");
      });
    }
  });

  test(`${name}: a silent connection survives three idle timeouts`, async (t) => {
    const clients = await Promise.all(NODE_TRANSPORTS.map((transport) => connectStockClient(t, echo, transport)));
    await sleep(SILENCE_MS);
    for (const client of clients) {
      client.send("after the silence");
      assert.equal(await client.messages.next(), "after the silence", client.transport);
    }
    const beats = clients.map(({ heartbeats, transport }) => `${transport} ${heartbeats.length}`);
    t.diagnostic(`heartbeats in ${SILENCE_MS} ms: ${beats.join(", ")}`);
    for (const { heartbeats, transport } of clients) assert.ok(heartbeats.length >= 3, transport);
  });

  test(`${name}: an idle timeout shorter than the heartbeat cuts each stream`, async (t) => {
    const { url: impatient } = await startProxy(t, name, { nodes, idle: TOO_SHORT, change });
    const client = await connectStockClient(t, `${impatient}/echo`, "websocket");
    const { wasClean } = await within(client.closed, "the end of the WebSocket");
    assert.equal(wasClean, false);
    const stream = await open(`${impatient}/echo/000/${randomUUID()}/xhr_streaming`);
    await until(() => stream.hasEnded, "the end of the stream");
  });

  test(`${name}: the address of the client is what the application sees, whatever the client claims`, async () => {
    for (const headers of [{}, forged]) {
      const session = `${proxy}/lobby/${randomUUID()}/000/${randomUUID()}`;
      const options = { headers, from: CLIENT };
      assert.equal((await fetchAll(`${session}/xhr`, options)).body, "o\n");
      assert.equal((await send(session, "about", options)).status, 204);
      const { body } = await fetchAll(`${session}/xhr`, options);
      const [about] = JSON.parse(body.slice(1));
      assert.equal(JSON.parse(about).remote_address, CLIENT);
    }
  });

  testForwarded(name, { idle: IDLE, change });

  test(`${name}: the server behind a gateway gets them, too`, async (t) => {
    await openWebSocket(t, `${proxy}/sockjs/websocket`, { headers: forged, localAddress: CLIENT });
    assert.deepEqual(forwarded(await upstream.openings.next("the opening of a WebSocket")), expected(proxy));
    const session = `${proxy}/sockjs/000/${randomUUID()}/xhr`;
    assert.equal((await fetchAll(session, { headers: forged, from: CLIENT })).body, "o\n");
    assert.deepEqual(forwarded(await upstream.openings.next("the opening of a session")), expected(proxy));
  });

  testOperatorPaths(name, { idle: IDLE, change });

  test(`${name}: sessions go on while one node after the other is drained, stopped and started`, async (t) => {
    // A send waits for a takeover, which takes longer than the shortened timeouts.
    const { url, leaveOut } = await startProxy(t, name, { nodes, idle: "60s", change });
    const echo = `${url}/echo`;
    const openWebSockets = () => Promise.all(Array.from({ length: WEBSOCKETS }, () => connectStockClient(t, echo, "websocket")));
    const speakers = await Promise.all([...SURVIVORS, ...SURVIVORS].map(async (transport) => new Speaker(await connectStockClient(t, echo, transport))));
    const stops = [];
    for (const node of cluster.nodes) {
      const held = await openWebSockets();
      await leaveOut(node);
      assert.ok((await node.drain()) >= 1, `${node.name} is used`);
      const { code } = await within(Promise.race(held.map(({ closed }) => closed)), "the close of a WebSocket");
      assert.equal(code, 1012);
      await sleep(HEALTH_MS);
      const began = Date.now();
      await node.terminate();
      stops.push(Date.now() - began);
      await Promise.all(speakers.map((speaker) => speaker.says(5)));
      // A WebSocket that is closed with 1012 opens again elsewhere.
      const again = await connectStockClient(t, echo, "websocket");
      await exchange(again, nastyMessages(MESSAGES));
      await node.start();
      await leaveOut();
      await sleep(HEALTH_MS);
      for (const client of [...held, again]) client.close();
    }
    const [first] = cluster.nodes;
    await openWebSockets();
    assert.ok((await first.drain()) >= 1, "the node that was started again is used again");
    const counts = await Promise.all(speakers.map((speaker) => speaker.end()));
    const sum = counts.reduce((sum, count) => sum + count);
    const longest = Math.max(...speakers.map(({ longestMs }) => longestMs));
    t.diagnostic(`${sum} messages of ${counts.length} sessions, the slowest one took ${longest} ms; nodes stopped in ${stops.join(", ")} ms`);
  });
}

/** Starts a server with WebSockets. `openings` has the headers of each. */
async function startUpstream(owner) {
  const openings = new Queue();
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  owner.after(() => server.close());
  server.on("connection", (_, { headers }) => openings.push(headers));
  await within(once(server, "listening"), "the upstream to listen");
  return { address: `ws://127.0.0.1:${server.address().port}/`, openings };
}

/** By hand: `SOCKJS_PROXY_CHANGE="from=>to"` shows that a test fails without a line. */
function change(text) {
  const { SOCKJS_PROXY_CHANGE: given } = process.env;
  if (!given) return text;
  const [from, to] = given.split("=>");
  if (!text.includes(from)) throw new Error(`there is no ${from}`);
  return text.replaceAll(from, to);
}

/** A session whose client sends one message after the other, each when the last is back. */
class Speaker {
  #client;
  #count = 0;
  /** Longest time from a send until the message is back: a takeover. */
  longestMs = 0;
  #isOver = false;
  #speech;

  constructor(client) {
    this.#client = client;
    this.#speech = this.#speak();
    this.#speech.catch(() => {});
  }

  async #speak() {
    while (!this.#isOver) {
      const message = `number ${this.#count}`;
      const sent = Date.now();
      this.#client.send(message);
      assert.equal(await this.#client.messages.next(message, LONG_MS), message);
      this.longestMs = Math.max(this.longestMs, Date.now() - sent);
      this.#count += 1;
      await sleep(100);
    }
  }

  /** Waits until that many more are back. */
  async says(count) {
    const target = this.#count + count;
    await Promise.race([until(() => this.#count >= target, `${count} messages over ${this.#client.transport}`, LONG_MS), this.#speech]);
  }

  async end() {
    this.#isOver = true;
    await this.#speech;
    return this.#count;
  }
}

/** A takeover takes some seconds. */
const LONG_MS = 60_000;

function send(session, message, options) {
  return fetchAll(`${session}/xhr_send`, { body: JSON.stringify([message]), ...options });
}
