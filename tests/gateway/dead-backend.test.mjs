// A backend that is dead for a while, with clients that come back all the time: it gets the few attempts of the circuit breakers, and
// everybody is in soon after it is back. With SOCKJS_FULL there are 1,000 clients.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { WebSocket } from "ws";
import { until } from "../harness/waiting/wait.mjs";
import { startGateway, startUpstream } from "./upstream.mjs";

const IS_FULL = Boolean(process.env.SOCKJS_FULL);
const CLIENTS = IS_FULL ? 1_000 : 100;
const OBJECTS = 8;
/** One of the Worker's isolate, and one of each object. */
const BREAKERS = 1 + OBJECTS;
/** Attempts of a breaker until it opens: a busy machine answers the first ones late, and a slow backend may have any number for 2 s. */
const UNTIL_OPEN = 64;
const OUTAGE_MS = IS_FULL ? 20_000 : 8_000;
/** The end of the outage, when all breakers are open: on a slow machine a thousand clients need seconds to see that they are lost. */
const END_MS = 3_000;
/** The breakers let 8 clients through in the first second, and twice as many in each one after. */
const BACK_WITHIN_MS = 30_000;

/** A client that connects again and again. It is in when a message made the round trip. */
class Client {
  knocks = 0;
  isIn = false;
  #isOver = false;

  constructor(connect) {
    this.#run(connect);
  }

  async #run(connect) {
    while (!this.#isOver) {
      this.knocks += 1;
      const { ended, leave } = connect(() => (this.isIn = true));
      this.leave = () => {
        this.#isOver = true;
        leave();
      };
      await ended;
      this.isIn = false;
      await sleep(200 + 600 * Math.random());
    }
  }
}

/** Takes frames apart, whatever the transport: tells when to send, when the echo is there, and when the session is over. */
function onFrame(frame, { send, enter, end }) {
  if (frame === "o") send();
  if (frame.startsWith("a")) enter();
  if (frame.startsWith("c")) end();
}

function framed(service) {
  return (enter) => {
    const { promise: ended, resolve } = Promise.withResolvers();
    const socket = new WebSocket(`${service.replace("http", "ws")}/000/${randomUUID()}/websocket`, { perMessageDeflate: false });
    const act = { send: () => socket.send('["x"]'), enter, end: () => socket.close() };
    socket.on("message", (data) => onFrame(data.toString(), act)).on("error", () => {}).on("close", resolve);
    return { ended, leave: () => socket.terminate() };
  };
}

function streaming(service, agent) {
  return (enter) => {
    const { promise: ended, resolve } = Promise.withResolvers();
    const url = `${service}/000/${randomUUID()}`;
    const post = (path, body, onResponse) => {
      const options = { method: "POST", agent, headers: { "Content-Type": "text/plain" } };
      return request(`${url}/${path}`, options, onResponse).on("error", resolve).on("close", path === "xhr_send" ? () => {} : resolve).end(body);
    };
    const act = { send: () => post("xhr_send", '["x"]', (response) => response.resume()), enter, end: () => receiver.destroy() };
    let left = "";
    const receiver = post("xhr_streaming", "", (response) => {
      response.setEncoding("utf8").on("error", () => {}).on("data", (data) => {
        const lines = (left + data).split("\n");
        left = lines.pop();
        for (const line of lines) onFrame(line, act);
      });
    });
    return { ended, leave: () => receiver.destroy() };
  };
}

test(`a backend that is dead for ${OUTAGE_MS / 1_000} s under ${CLIENTS} clients`, { timeout: 180_000 }, async (t) => {
  const backend = { isDead: false, sockets: new Set(), attempts: [] };
  const upstream = await startUpstream(t, {
    answer() {
      backend.attempts.push(performance.now());
      return backend.isDead ? 503 : undefined;
    },
    onConnection(ws) {
      backend.sockets.add(ws);
      ws.on("message", (data) => ws.send(data.toString())).on("error", () => {}).on("close", () => backend.sockets.delete(ws));
    },
  });
  const { service } = await startGateway(t, upstream, { vars: { SOCKJS_LOG: "none", SOCKJS_PLACEMENT: `shards:${OBJECTS}` } });
  const agent = new Agent({ maxSockets: Infinity });
  const clients = Array.from({ length: CLIENTS }, (_, number) => new Client(number % 2 ? framed(service) : streaming(service, agent)));
  t.after(() => {
    for (const client of clients) client.leave();
    agent.destroy();
  });
  const knocks = () => clients.reduce((sum, client) => sum + client.knocks, 0);
  const allIn = () => until(() => clients.every(({ isIn }) => isIn), "all clients to be in", BACK_WITHIN_MS);
  await allIn();
  assert.equal(backend.sockets.size, CLIENTS);
  // Only the loss of connections that were open for 3 s holds clients back.
  await sleep(3_500);

  const before = { knocks: knocks(), attempts: backend.attempts.length, accepted: upstream.accepted };
  const died = performance.now();
  backend.isDead = true;
  for (const ws of backend.sockets) ws.terminate();
  await sleep(OUTAGE_MS);
  const knocked = knocks() - before.knocks;
  const attempts = backend.attempts.slice(before.attempts);
  const most = BREAKERS * (UNTIL_OPEN + OUTAGE_MS / 1_000);
  assert.ok(attempts.length <= most, `${attempts.length} attempts, and ${most} at most`);
  // Each breaker probes at most once in a second. On a slow machine some come late, and together.
  const late = attempts.filter((at) => at - died >= OUTAGE_MS - END_MS).length;
  assert.ok(late <= (2 * BREAKERS * END_MS) / 1_000, `${late} attempts in the last ${END_MS} ms`);
  assert.ok(knocked > CLIENTS, `the clients came back ${knocked} times`);

  backend.isDead = false;
  const back = performance.now();
  await allIn();
  const seconds = ((performance.now() - back) / 1_000).toFixed(1);
  assert.equal(upstream.accepted - before.accepted, CLIENTS, "one connection for each client");
  t.diagnostic(`${knocked} returns of clients made ${attempts.length} attempts, ${late} of them in the last ${END_MS} ms; all in ${seconds} s after it was back`);
});
