import assert from "node:assert/strict";
import { after, test } from "node:test";
import { example } from "../../scripts/examples.mjs";
import { request } from "../harness/clients/http.mjs";
import { connectStockClient } from "../harness/clients/stock-client.mjs";
import { startMiniflare } from "../harness/servers/miniflare.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { assertLoads } from "./page-scripts.mjs";

const TRANSPORTS = ["websocket", "xhr-streaming", "eventsource", "xhr-polling"];
const PLAYERS = 12;
const TOKEN = "a secret of at least thirty-two characters";
const AUTHORIZED = { Authorization: `Bearer ${TOKEN}` };
const quiz = { ...example("quiz"), vars: { PUSH_TOKEN: TOKEN } };

const server = await startServer({ after }, quiz);

test("players in several objects hear one question, and their answers are counted together", async (t) => {
  const players = await join(t, server);
  const asked = await ask(server, { ask: { text: "Tea or coffee?", answers: ["tea", "coffee"] } });
  assert.deepEqual([asked.status, JSON.parse(asked.body)], [200, { players: PLAYERS }]);
  for (const player of players) {
    const { question, text, answers, open } = await hears(player, () => true);
    assert.deepEqual([text, answers, open], ["Tea or coffee?", ["tea", "coffee"], true]);
    player.question = question;
  }
  players.forEach((player, number) => give(player, number % 3 === 0 ? 0 : 1));
  // Whoever changes their mind counts once.
  give(players[0], 1);
  const counts = [PLAYERS / 3 - 1, (PLAYERS / 3) * 2 + 1];
  for (const player of players) assert.deepEqual((await hears(player, (told) => `${told.counts}` === `${counts}`)).counts, counts);
});

test("the cron and /push ask the next question, also where objects sleep", async (t) => {
  const miniflare = await startMiniflare(t, quiz);
  const [player] = await join(t, miniflare, 1);
  await miniflare.runCron("* * * * *");
  assert.equal((await hears(player, ({ question }) => question === 1)).text, "Which is the largest planet?");
  const { status, body } = await request(`${miniflare.url}/push`, {
    method: "POST",
    headers: AUTHORIZED,
    body: JSON.stringify({ room: "/quiz", call: "next" }),
  });
  assert.deepEqual([status, JSON.parse(body)], [200, { answer: { players: 1 } }]);
  assert.equal((await hears(player, ({ question }) => question === 2)).text, "How many bits has a byte?");
});

test("whoever has no token asks nothing, and what is no question is refused", async () => {
  for (const headers of [{}, { Authorization: "Bearer other" }]) assert.equal((await ask(server, "next", headers)).status, 401);
  assert.equal((await request(`${server.url}/ask`, { headers: AUTHORIZED })).status, 405);
  assert.equal((await ask(server, { what: 1 })).status, 400);
  const wrong = await ask(server, { ask: { text: "?", answers: ["one"] } });
  assert.deepEqual([wrong.status, wrong.body], [422, "a question has 2 to 9 answers"]);
});

test("the page is served, and loads the client that the tests use", async () => {
  const page = await (await fetch(server.url)).text();
  assert.match(page, /new SockJS\("\/quiz"\)/);
  assertLoads(page, "sockjs-client");
});

function ask({ url }, call, headers = AUTHORIZED) {
  return request(`${url}/ask`, { method: "POST", headers, body: JSON.stringify(call) });
}

async function join(owner, { url }, count = PLAYERS) {
  const transports = Array.from({ length: count }, (_, number) => TRANSPORTS[number % TRANSPORTS.length]);
  return Promise.all(transports.map((transport) => connectStockClient(owner, `${url}/quiz`, transport)));
}

function give(player, answer) {
  player.send(JSON.stringify({ question: player.question, answer }));
}

/** The next thing that a player is told and that is so. */
async function hears(player, isSo) {
  let told;
  do told = JSON.parse(await player.messages.next());
  while (!isSo(told));
  return told;
}
