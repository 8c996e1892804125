import assert from "node:assert/strict";
import { after, test } from "node:test";
import { example } from "../../scripts/examples.mjs";
import { connectStockClient } from "../harness/clients/stock-client.mjs";
import { startMiniflare } from "../harness/servers/miniflare.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { within } from "../harness/waiting/wait.mjs";
import { assertLoads } from "./page-scripts.mjs";

const TRANSPORTS = ["websocket", "xhr-streaming", "eventsource", "xhr-polling"];
const HISTORY = 50;

const server = await startServer({ after }, example("chat"));

test("clients over four transports hear one another in one room, in one order", async (t) => {
  const people = [];
  for (const transport of TRANSPORTS) people.push(await join(t, server, "mixed", transport, transport));
  for (const person of people) await person.sees(...TRANSPORTS);

  for (const person of people) person.say(`I use ${person.name}`);
  const heard = [];
  for (const person of people) heard.push(await person.hears(TRANSPORTS.length));
  assert.deepEqual(heard[0].toSorted(), TRANSPORTS.map((name) => `${name}: I use ${name}`).toSorted());
  for (const same of heard) assert.deepEqual(same, heard[0]);
});

test("who is present follows those who come, take another nickname, and go", async (t) => {
  const ada = await join(t, server, "presence", "Ada", "websocket");
  await ada.sees("Ada");
  const bob = await join(t, server, "presence", "Bob", "xhr-polling");
  for (const person of [ada, bob]) await person.sees("Ada", "Bob");
  bob.is("Charles");
  for (const person of [ada, bob]) await person.sees("Ada", "Charles");
  ada.client.close();
  await bob.sees("Charles");
});

test("two rooms do not hear each other", async (t) => {
  const ada = await join(t, server, "one", "Ada", "websocket");
  const bob = await join(t, server, "two", "Bob", "websocket");
  ada.say("in one");
  bob.say("in two");
  assert.deepEqual(await ada.hears(1), ["Ada: in one"]);
  assert.deepEqual(await bob.hears(1), ["Bob: in two"]);
  bob.say("still in two"); // what crossed over would be there before it
  assert.deepEqual(await bob.hears(1), ["Bob: still in two"]);
});

test("whoever comes later gets the last messages, also from a room that was empty and killed meanwhile", async (t) => {
  const own = await startServer(t, example("chat"));
  const ada = await join(t, own, "history", "Ada", "websocket");
  assert.deepEqual(ada.history, []);
  const texts = Array.from({ length: HISTORY + 5 }, (_, number) => `message ${number}`);
  for (const text of texts) ada.say(text);
  await ada.hears(texts.length);
  const last = texts.slice(-HISTORY).map((text) => ({ from: "Ada", text }));
  assert.deepEqual((await join(t, own, "history", "Bob", "xhr-polling")).history, last);

  await own.kill();
  await own.start();
  assert.deepEqual((await join(t, own, "history", "Carl", "websocket")).history, last);
  assert.deepEqual((await join(t, own, "elsewhere", "Dora", "websocket")).history, []);
});

test("without a nickname nobody says anything, and what is too long is cut", async (t) => {
  const client = await connectStockClient(t, `${server.url}/chat/nameless`, "websocket");
  client.send(JSON.stringify({ text: "hello" }));
  await next(client, "error");
  client.send(JSON.stringify({ nickname: ` ${"n".repeat(40)} ` }));
  client.send(JSON.stringify({ text: "é".repeat(2000) }));
  const { from, text } = await next(client, "from");
  assert.deepEqual([from.length, text.length], [30, 1000]);
});

test("a message that is none closes its own connection with 1011, and no other", async (t) => {
  const ada = await join(t, server, "broken", "Ada", "websocket");
  const bob = await join(t, server, "broken", "Bob", "websocket");
  await ada.sees("Ada", "Bob");
  bob.client.send("{");
  assert.equal((await within(bob.client.closed, "the close")).code, 1011);
  await ada.sees("Ada");
});

test("nicknames survive the sleep of their room, over every transport", async (t) => {
  const miniflare = await startMiniflare(t, example("chat"));
  const people = [];
  for (const transport of TRANSPORTS) people.push(await join(t, miniflare, "sleepy", transport, transport));
  for (const person of people) await person.sees(...TRANSPORTS);

  for (const person of people) {
    await miniflare.evict("/chat/sleepy//room", "hibernate");
    person.say("awake");
    for (const other of people) assert.deepEqual(await other.hears(1), [`${person.name}: awake`]);
  }
});

test("after a restart of the room all are still there, with their nicknames", async (t) => {
  const miniflare = await startMiniflare(t, example("chat"));
  const ada = await join(t, miniflare, "restart", "Ada", "xhr-polling");
  const bob = await join(t, miniflare, "restart", "Bob", "websocket");
  await ada.sees("Ada", "Bob");
  await bob.sees("Ada", "Bob");
  await miniflare.evict("/chat/restart//room", "close");
  // A WebSocket is back once its own message is handled. Before that it may miss what others say, at the default level.
  bob.say("still there?");
  for (const person of [ada, bob]) assert.deepEqual(await person.hears(1), ["Bob: still there?"]);
  ada.say("yes");
  for (const person of [ada, bob]) assert.deepEqual(await person.hears(1), ["Ada: yes"]);
  bob.is("Robert");
  for (const person of [ada, bob]) await person.sees("Ada", "Robert");
});

test("a route asks the room who is present, also one where nobody is", async (t) => {
  const present = async (room) => (await fetch(`${server.url}/present/${room}`)).json();
  assert.deepEqual(await present("asked"), []);
  const ada = await join(t, server, "asked", "Ada", "websocket");
  await ada.sees("Ada");
  assert.deepEqual(await present("asked"), ["Ada"]);
  for (const wrong of ["a/b", "%ff"]) assert.equal((await fetch(`${server.url}/present/${wrong}`)).status, 404);
});

test("the page is served, and loads the client that the tests use", async () => {
  const page = await fetch(server.url);
  assert.equal(page.status, 200);
  assert.match(page.headers.get("content-type"), /^text\/html/);
  assertLoads(await page.text(), "sockjs-client");
});

test("what is below a service's prefix is the service's, and the rest the application's", async () => {
  for (const [path, body] of [["/chat/lobby/a/b/c", "404 Error: Page not found\n"], ["/elsewhere", "not found"]]) {
    const response = await fetch(`${server.url}${path}`);
    assert.deepEqual([response.status, await response.text()], [404, body]);
  }
});

async function join(owner, { url }, room, name, transport) {
  const client = await connectStockClient(owner, `${url}/chat/${room}`, transport);
  const { history } = await next(client, "history");
  const send = (message) => client.send(JSON.stringify(message));
  let present = [];
  /** Waits until exactly these are present. */
  const sees = async (...names) => {
    const wanted = JSON.stringify(names.toSorted());
    while (JSON.stringify(present) !== wanted) ({ present } = await next(client, "present"));
  };
  send({ nickname: name });
  while (!present.includes(name)) ({ present } = await next(client, "present"));
  return {
    name,
    client,
    history,
    sees,
    is: (nickname) => send({ nickname }),
    say: (text) => send({ text }),
    /** Waits for the next messages. */
    async hears(count) {
      const said = [];
      while (said.length < count) said.push(await next(client, "from"));
      return said.map(({ from, text }) => `${from}: ${text}`);
    },
  };
}

/** The next message with this key; those before it are of no interest any more. */
async function next(client, key) {
  for (;;) {
    const message = JSON.parse(await client.messages.next(`a message with ${key}`));
    if (key in message) return message;
  }
}
