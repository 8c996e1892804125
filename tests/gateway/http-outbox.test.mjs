// A backend over HTTP with the durability "outbox": what a client was told, and what waits for it, outlasts a restart of the object.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { TRANSPORTS, openSession } from "../harness/clients/eager-session.mjs";
import { LazySession } from "../harness/clients/lazy-session.mjs";
import { until } from "../harness/waiting/wait.mjs";
import { echo, startHttpBackend } from "./http-backend.mjs";
import { startGateway } from "./upstream.mjs";

const VARS = { SOCKJS_DURABILITY: "outbox", SOCKJS_DISCONNECT_DELAY: "60000", SOCKJS_LOG: "error" };
const textsOf = ({ events }) => events.filter(({ type }) => type === "TEXT").map(({ content }) => content.toString());

test("a send is answered when the backend has answered it, and each message is a request", async (t) => {
  const answers = Promise.withResolvers();
  const handled = [];
  const answer = async (call) => {
    if (textsOf(call).includes("slow")) await answers.promise;
    handled.push(textsOf(call));
    return echo(call);
  };
  const backend = await startHttpBackend(t, { answer });
  const { service } = await startGateway(t, backend, { vars: VARS });
  const session = new LazySession(t, service, "xhr");
  await session.open();
  let taken = false;
  const send = session.send('["slow","next"]').then(({ status }) => {
    taken = true;
    return status;
  });
  await until(() => backend.asked === 2, "the message at the backend");
  await sleep(500);
  assert.ok(!taken, "the backend has not answered");
  answers.resolve();
  assert.equal(await send, 204);
  assert.deepEqual(handled, [[], ["slow"], ["next"]]);
});

test("answers that a client has not fetched outlast a restart; the backend is not asked again", { timeout: 60_000 }, async (t) => {
  const backend = await startHttpBackend(t);
  const { server, service } = await startGateway(t, backend, { vars: VARS });
  const session = new LazySession(t, service, "xhr");
  await session.open();
  assert.equal((await session.send('["a","b"]')).status, 204);
  await server.kill();
  await server.start();
  assert.equal((await session.send('["c"]')).status, 204);
  const received = [];
  const closed = await session.receive(await session.respond(), (message) => received.push(message), () => received.length === 3);
  assert.deepEqual([closed, received, backend.asked], [undefined, ["a", "b", "c"], 4]);
});

test("many messages over every transport go in order", async (t) => {
  const backend = await startHttpBackend(t);
  const { service } = await startGateway(t, backend, { vars: VARS });
  const messages = Array.from({ length: 100 }, (_, number) => `${number}`);
  for (const transport of TRANSPORTS) {
    const session = await openSession(t, service, transport);
    await session.send(messages);
    assert.deepEqual(await session.received(100), messages, transport);
  }
  assert.equal(backend.mostInFlight, 1);
});
