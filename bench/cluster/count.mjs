// The table of `npm run cost:cluster`: one node and its bucket, for each placement and clock of heartbeats.

import { setTimeout as sleep } from "node:timers/promises";
import SockJS from "sockjs-client";
import { optionsFor } from "../../scripts/cluster/bucket.mjs";
import { PersistentClient } from "../../tests/harness/clients/persistent-client.mjs";
import { StockClient } from "../../tests/harness/clients/stock-client.mjs";
import { openWebSocketClient } from "../../tests/harness/clients/websocket-client.mjs";
import { startCluster } from "../../tests/harness/cluster/cluster.mjs";
import { startSlowProxy } from "../../tests/harness/proxies/slow-proxy.mjs";
import { startCountingProxy } from "./counting-proxy.mjs";
import { quantile } from "../speed/figures.mjs";
import { owning } from "./owner.mjs";

const ROUND_TRIPS_MS = (process.env.SOCKJS_ROUND_TRIPS ?? "5,50,200").split(",").map(Number);
const PLACEMENTS = ["session", "shards:16", "room"];
const CLOCKS = ["alarm", "worker"];
const TIMES = 9;
/** As many sessions as claim nearly all of the 16 shards. */
const CLAIMS = 100;
const AT_ONCE = 50;
const RATE_MS = 4_000;
const IN_FLIGHT = 64;
const IDLE_CONNECTIONS = 20;
const IDLE_MS = 60_000;
/** Until what came before is in the bucket, and closed sessions are forgotten. */
const SETTLED_MS = 20_000;

const median = (numbers) => quantile(numbers, 0.5);
const ms = (time) => `${Math.round(time)} ms`;
const dollars = (number) => `$${number.toPrecision(2)}`;

async function startNode(owner, { roundTripMs, placement, clock, level }) {
  let requests;
  const through = async (bucket) => {
    const counting = await startCountingProxy(owner, bucket.endpoint);
    ({ requests } = counting);
    const { url } = await startSlowProxy(owner, counting.url, { roundTripMs });
    return { ...bucket, options: optionsFor(url) };
  };
  const vars = { SOCKJS_PLACEMENT: placement, SOCKJS_HEARTBEATS: clock, SOCKJS_DURABILITY: level, SOCKJS_HEARTBEAT_DELAY: "25000" };
  const cluster = await startCluster(owner, { count: 1, timeDivisor: 1, vars, through });
  return { service: cluster.service("/echo", cluster.nodes[0]), requests };
}

async function timed(act) {
  const began = performance.now();
  await act();
  return performance.now() - began;
}

async function openByPoll(owner, service) {
  const client = new PersistentClient(owner, service, "xhr");
  await client.open();
  return client;
}

/** Has the node own the objects that later sessions will be in; those of placement `session` are new each time. */
async function claim(owner, service, placement) {
  const count = { session: 0, room: 1 }[placement] ?? CLAIMS;
  for (let left = count; left > 0; left -= AT_ONCE) {
    const clients = await Promise.all(Array.from({ length: Math.min(left, AT_ONCE) }, () => openByPoll(owner, service)));
    for (const client of clients) client.leave();
  }
}

/** The transport that the stock client chooses by itself, with the time that it gives each. */
async function stockTransport(owner, service) {
  const client = new StockClient(new SockJS(service, null, { transports: ["websocket", "xhr-streaming", "xhr-polling"] }));
  owner.after(() => client.close());
  await client.opened.catch(() => {});
  return client.transport ?? "none in its time";
}

/** Echoes a second of one WebSocket with as many messages in flight. */
async function rate(owner, service) {
  const client = await openWebSocketClient(owner, { service });
  let sent = 0;
  const end = performance.now() + RATE_MS;
  while (performance.now() < end) {
    while (sent - client.messages.length < IN_FLIGHT) client.send(`message ${sent++}`);
    await new Promise(setImmediate);
  }
  const count = client.messages.length;
  client.close();
  return count / (RATE_MS / 1000);
}

/** Opening, and what it costs; a message at `outbox` and its echo, and what these cost. */
function measure(options) {
  return owning(async (owner) => {
    const { service, requests } = await startNode(owner, { ...options, level: "outbox" });
    await claim(owner, service, options.placement);
    await sleep(SETTLED_MS);
    const settled = () => sleep(8 * options.roundTripMs + 1_000);
    const [open, websocket, send] = [[], [], []];
    const transports = [];
    let before = requests.copy();
    const sessions = [];
    for (let time = 0; time < TIMES; time += 1) {
      open.push(await timed(async () => sessions.push(await openByPoll(owner, service))));
    }
    await settled();
    const perOpening = requests.since(before, TIMES);
    before = requests.copy();
    for (const session of sessions) {
      send.push(await timed(() => session.send("x")));
    }
    await settled();
    const perMessage = requests.since(before, TIMES);
    for (let time = 0; time < TIMES; time += 1) {
      websocket.push(await timed(() => openWebSocketClient(owner, { service })));
    }
    for (let time = 0; time < 3; time += 1) transports.push(await stockTransport(owner, service));
    const outbox = await rate(owner, service);
    return { open: median(open), websocket: median(websocket), send: median(send), perOpening, perMessage, transports, outbox };
  });
}

function defaultRate(options) {
  return owning(async (owner) => {
    const { service } = await startNode(owner, { ...options, level: "default" });
    await claim(owner, service, options.placement);
    await sleep(SETTLED_MS);
    return rate(owner, service);
  });
}

/** Requests of an idle hour: of the node alone, and of each connection, half of them streams and half WebSockets. */
function idleHour({ placement, clock }) {
  return owning(async (owner) => {
    const { service, requests } = await startNode(owner, { roundTripMs: 0, placement, clock, level: "outbox" });
    await claim(owner, service, placement === "room" ? "room" : "session");
    const perHour = async (count) => {
      const before = requests.copy();
      await sleep(IDLE_MS);
      return requests.since(before, (count * IDLE_MS) / 3_600_000);
    };
    await sleep(SETTLED_MS);
    const ofNode = await perHour(1);
    const open = async (_, at) => {
      if (at % 2) return openWebSocketClient(owner, { service });
      const client = new PersistentClient(owner, service, "xhr_streaming");
      await client.open();
      return client;
    };
    await Promise.all(Array.from({ length: IDLE_CONNECTIONS }, open));
    await sleep(SETTLED_MS);
    const both = await perHour(1);
    return { ofNode, ofConnection: both.since(ofNode, IDLE_CONNECTIONS) };
  });
}

const row = (...cells) => console.log(`| ${cells.join(" | ")} |`);

row("round trip", "placement", "heartbeats", "open by poll", "open by WebSocket", "stock client opens by", "send at `outbox`", "echoes/s, default", "echoes/s, `outbox`", "requests to open (write + read)", "$ per million openings", "requests for a message", "$ per million messages");
row(...Array(13).fill("---"));
for (const roundTripMs of ROUND_TRIPS_MS) {
  for (const placement of PLACEMENTS) {
    for (const clock of CLOCKS) {
      const { open, websocket, send, perOpening, perMessage, transports, outbox } = await measure({ roundTripMs, placement, clock });
      const atDefault = await defaultRate({ roundTripMs, placement, clock });
      const counted = ({ write, read }) => `${write.toFixed(1)} + ${read.toFixed(1)}`;
      const stock = [...new Set(transports)].join(", ");
      row(`${roundTripMs} ms`, placement, clock, ms(open), ms(websocket), stock, ms(send), Math.round(atDefault), Math.round(outbox), counted(perOpening), dollars(1e6 * perOpening.dollars), counted(perMessage), dollars(1e6 * perMessage.dollars));
    }
  }
}

console.log();
row("placement", "heartbeats", "requests of an idle node in an hour", "$ a month", "requests of an idle connection in an hour", "$ a month for 1,000");
row(...Array(6).fill("---"));
const pairs = PLACEMENTS.flatMap((placement) => CLOCKS.map((clock) => ({ placement, clock })));
for (const { placement, clock, hour } of pairs.map((pair) => ({ ...pair, hour: idleHour(pair) }))) {
  const { ofNode, ofConnection } = await hour;
  const sum = ({ write, read, delete: deleted }) => Math.round((write + read + deleted) * 10) / 10;
  row(placement, clock, sum(ofNode), dollars(720 * ofNode.dollars), sum(ofConnection), dollars(720_000 * ofConnection.dollars));
}
