// RabbitMQ's Web-STOMP behind the gateway, with @stomp/stompjs over the stock client.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { NODE_MODULES } from "../../../scripts/tools.mjs";
import { startChromium } from "../../harness/clients/chromium.mjs";
import { connectStomp, overSockJs } from "../../harness/clients/stomp-client.mjs";
import { DEADLINE_MS, within } from "../../harness/waiting/wait.mjs";
import { NODE_TRANSPORTS, PAGE_TRANSPORTS, openPageFor } from "./echo.mjs";
import { startDeployed } from "./gateway.mjs";
import { startRabbitMq } from "./rabbitmq.mjs";

const GUEST = { login: "guest", passcode: "guest" };
const BODY = "line\nline\0é 漢字 😀";
/** RabbitMQ ends a connection whose client's beats are missing for two of these. */
const BEAT_MS = 1_000;
const BEATS = 4;
const MANY = 10_000;
const MANY_MS = 120_000;
const RECONNECT_MS = 500;
/** The circuit breaker asks a server that was away for long only now and then. */
const BACK_MS = 60_000;

const server = await startRabbitMq({ after });
const service = await startDeployed({ after }, server.address);
const browser = await startChromium({ after });

/** RabbitMQ 3.10.8 closes at DISCONNECT without its receipt, also without a gateway. */
const LEFT = { code: 1000, reason: "STOMP died" };

async function disconnect({ client, closes }) {
  client.deactivate();
  assert.deepEqual(await closes.next("a close"), LEFT);
}

const connect = (t, transport, options) => connectStomp(t, { ...overSockJs(service, transport), connectHeaders: GUEST }, options);

for (const transport of NODE_TRANSPORTS) {
  test(`RabbitMQ by ${transport}: connects, subscribes, sends, gets receipts, and disconnects`, async (t) => {
    const stomp = await connect(t, transport);
    assert.match(stomp.headers.server, /^RabbitMQ\//);
    const { messages, unsubscribe } = await stomp.subscribe(`/topic/${transport}`);
    await stomp.publish(`/topic/${transport}`, BODY, { extra: "a:b" });
    const { body, headers } = await messages.next();
    assert.deepEqual([body, headers.extra, headers.destination], [BODY, "a:b", `/topic/${transport}`]);
    await unsubscribe();
    await stomp.publish(`/topic/${transport}`, "after the end");
    await disconnect(stomp);
    assert.equal(messages.length, 0);
  });

  test(`RabbitMQ by ${transport}: both sides beat`, async (t) => {
    const stomp = await connect(t, transport, { heartbeats: BEAT_MS });
    assert.equal(stomp.headers["heart-beat"], `${BEAT_MS},${BEAT_MS}`);
    for (let beat = 0; beat < BEATS; beat += 1) await stomp.beats.next(`beat ${beat}`);
    await sleep(BEATS * BEAT_MS);
    await stomp.publish("/topic/beats", "still here");
    await disconnect(stomp);
  });

  test(`RabbitMQ by ${transport}: the ERROR for a wrong password arrives`, async (t) => {
    const settings = { ...overSockJs(service, transport), connectHeaders: { ...GUEST, passcode: "wrong" } };
    await assert.rejects(connectStomp(t, settings), { message: "ERROR: Bad CONNECT" });
  });
}

for (const transport of ["websocket", "xhr-streaming"]) {
  test(`RabbitMQ by ${transport}: ${MANY} messages come in order, none lost or doubled`, async (t) => {
    const stomp = await connect(t, transport);
    const { messages } = await stomp.subscribe(`/queue/many-${transport}`);
    const began = Date.now();
    for (let number = 0; number < MANY; number += 1) stomp.client.publish({ destination: `/queue/many-${transport}`, body: `${number}` });
    for (let number = 0; number < MANY; number += 1) assert.equal((await messages.next(`message ${number}`, MANY_MS)).body, `${number}`);
    t.diagnostic(`${Math.round((1_000 * MANY) / (Date.now() - began))} messages/s`);
    await stomp.publish(`/queue/many-${transport}`, "the end"); // a doubled last message would come before it
    assert.equal((await messages.next("the end")).body, "the end");
    await disconnect(stomp);
  });
}

describe("RabbitMQ in Chromium", () => {
  for (const transport of Object.keys(PAGE_TRANSPORTS)) {
    test(`by ${transport}: connects, subscribes, sends, gets receipts and beats`, async (t) => {
      const page = await openPageFor(t, browser, service, transport);
      await page.addScriptTag({ content: readFileSync(join(NODE_MODULES, "@stomp/stompjs/bundles/stomp.umd.min.js"), "utf8") });
      const options = { service, transport, login: GUEST, body: BODY, count: 100, beatMs: BEAT_MS, beats: BEATS, timeout: DEADLINE_MS };
      const seen = await within(page.evaluate(speakInPage, options), "the page's STOMP client", 2 * DEADLINE_MS);
      assert.equal(seen.transport, transport);
      assert.deepEqual(seen.bodies, Array.from({ length: 100 }, (_, number) => `${number} ${BODY}`));
      assert.deepEqual([seen.receipts, seen.heartBeat, seen.end], [101, `${BEAT_MS},${BEAT_MS}`, LEFT]);
    });
  }
});

/** Runs in the page: resolves after a DISCONNECT to what came. */
async function speakInPage({ service, transport, login, body, count, beatMs, beats, timeout }) {
  const { promise: isOver, resolve, reject } = Promise.withResolvers();
  const seen = { bodies: [], receipts: 0 };
  let left = beats;
  let socket;
  const client = new window.StompJs.Client({
    webSocketFactory: () => (socket = new window.SockJS(service, null, { transports: transport, timeout })),
    connectHeaders: login,
    reconnectDelay: 0,
    heartbeatIncoming: beatMs,
    heartbeatOutgoing: beatMs,
  });
  const receipt = (id) => {
    client.watchForReceipt(id, () => {
      seen.receipts += 1;
      endIfComplete();
    });
    return { receipt: id };
  };
  const endIfComplete = () => {
    if (left <= 0 && seen.bodies.length === count && seen.receipts === count + 1) client.deactivate();
  };
  client.onHeartbeatReceived = () => {
    left -= 1;
    endIfComplete();
  };
  client.onStompError = ({ headers }) => reject(new Error(headers.message));
  client.onWebSocketClose = ({ code, reason }) => resolve({ ...seen, end: { code, reason } });
  client.onConnect = ({ headers }) => {
    seen.heartBeat = headers["heart-beat"];
    seen.transport = socket.transport;
    const take = (message) => {
      seen.bodies.push(message.body);
      endIfComplete();
    };
    client.subscribe(`/topic/page-${transport}`, take, receipt("subscribed"));
    for (let number = 0; number < count; number += 1) {
      client.publish({ destination: `/topic/page-${transport}`, body: `${number} ${body}`, headers: receipt(`sent ${number}`) });
    }
  };
  client.activate();
  return isOver;
}

for (const how of ["stop", "kill"]) {
  const name = { stop: "stopped and started", kill: "killed (-9) and started" }[how];
  test(`RabbitMQ ${name}: clients of all transports get 1012, and connect again`, async (t) => {
    const open = async (transport) => [transport, await connect(t, transport, { reconnectDelay: RECONNECT_MS })];
    const clients = await Promise.all(NODE_TRANSPORTS.map(open));
    // After the restart before, the circuit breaker may have refused some at first.
    for (const [, { closes }] of clients) while (closes.length > 0) await closes.next();
    await server[how]();
    for (const [transport, { closes }] of clients) {
      assert.deepEqual(await closes.next("a close"), { code: 1012, reason: "Upstream lost" }, transport);
    }
    await server.start();
    const started = Date.now();
    const back = async ([transport, stomp]) => {
      await stomp.connections.next(`CONNECTED over ${transport}`, BACK_MS);
      const ms = Date.now() - started;
      const { messages } = await stomp.subscribe(`/topic/again-${transport}`);
      await stomp.publish(`/topic/again-${transport}`, BODY);
      assert.equal((await messages.next()).body, BODY);
      const codes = new Set();
      while (stomp.closes.length > 0) codes.add((await stomp.closes.next()).code);
      return `${transport} after ${ms} ms, refused meanwhile with ${[...codes].join(", ")}`;
    };
    for (const line of await Promise.all(clients.map(back))) t.diagnostic(line);
  });
}
