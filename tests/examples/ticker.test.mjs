import assert from "node:assert/strict";
import { after, test } from "node:test";
import { example } from "../../scripts/examples.mjs";
import { request } from "../harness/clients/http.mjs";
import { connectStockClient } from "../harness/clients/stock-client.mjs";
import { startMiniflare } from "../harness/servers/miniflare.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { assertLoads } from "./page-scripts.mjs";

const TRANSPORTS = ["websocket", "xhr-streaming", "eventsource", "xhr-polling"];
const TOKEN = "a secret of at least thirty-two characters";
const ticker = { ...example("ticker"), vars: { PUSH_TOKEN: TOKEN } };

const server = await startServer({ after }, ticker);

test("POST /tick with the token reaches clients over every transport", async (t) => {
  const clients = await listeners(t, server);
  const answer = await tick(server, { Authorization: `Bearer ${TOKEN}` });
  assert.equal(answer.status, 200);
  assert.deepEqual(JSON.parse(answer.body), { heard: TRANSPORTS.length });
  for (const client of clients) assert.equal(await heardTick(client), "route");
});

test("POST /tick without the token, or with another, reaches nobody", async (t) => {
  const [client] = await listeners(t, server);
  for (const headers of [{}, { Authorization: "Bearer other" }, { Authorization: `Basic ${TOKEN}` }, { Authorization: "Bearer " }]) {
    assert.equal((await tick(server, headers)).status, 401);
  }
  const get = await request(`${server.url}/tick`, { headers: { Authorization: `Bearer ${TOKEN}` } });
  assert.equal(get.status, 405);
  await request(`${server.url}/push`, pushed({ room: "/ticker", message: "the first" }));
  assert.equal(await client.messages.next(), "the first");
});

test("without the secret no token is right", async (t) => {
  const own = await startServer(t, example("ticker"));
  for (const token of ["", " ", "undefined", TOKEN]) {
    assert.equal((await tick(own, { Authorization: `Bearer ${token}` })).status, 401);
  }
});

test("the cron reaches clients over every transport, also from an object that sleeps", async (t) => {
  const miniflare = await startMiniflare(t, ticker);
  const clients = await listeners(t, miniflare);
  for (const isAsleep of [false, true]) {
    if (isAsleep) await miniflare.evict("/ticker//room", "hibernate");
    await miniflare.runCron("* * * * *");
    for (const client of clients) assert.equal(await heardTick(client), "cron");
  }
});

test("the page is served, and loads the client that the tests use", async () => {
  const page = await (await fetch(server.url)).text();
  assert.match(page, /new SockJS\("\/ticker"\)/);
  assertLoads(page, "sockjs-client");
});

function tick({ url }, headers) {
  return request(`${url}/tick`, { method: "POST", headers });
}

function pushed(order) {
  return { method: "POST", headers: { Authorization: `Bearer ${TOKEN}` }, body: JSON.stringify(order) };
}

/** One client for each transport, who have heard their addresses. */
async function listeners(owner, { url }) {
  const clients = [];
  for (const transport of TRANSPORTS) {
    const client = await connectStockClient(owner, `${url}/ticker`, transport);
    assert.match(JSON.parse(await client.messages.next("its address")).address, /@\/ticker\/\/room$/);
    clients.push(client);
  }
  return clients;
}

/** Waits for the next tick, and returns its cause. */
async function heardTick(client) {
  const { tick, at } = JSON.parse(await client.messages.next("a tick"));
  assert.ok(Math.abs(Date.now() - at) < 60_000);
  return tick;
}
