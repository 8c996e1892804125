import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { example } from "../../scripts/examples.mjs";
import { connectStockClient } from "../harness/clients/stock-client.mjs";
import { connectStomp, overSockJs } from "../harness/clients/stomp-client.mjs";
import { openWebSocket } from "../harness/clients/websocket.mjs";
import { startMiniflare } from "../harness/servers/miniflare.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { storageEmpties } from "../harness/servers/storage.mjs";
import { within } from "../harness/waiting/wait.mjs";
import { assertLoads } from "./page-scripts.mjs";

const CONNECT = "CONNECT\naccept-version:1.2\nhost:localhost\n\n\0";
const BEAT_MS = 100;
/** Between two of these a room falls idle on a busy machine too, and only then can it be put to sleep. */
const SLOW_BEAT_MS = 1000;
const beating = (ms) => ({ ...example("stomp"), vars: { HEART_BEAT: String(ms) } });

/** Settings of a client of the server at a URL. */
const WAYS = {
  "SockJS, websocket": (url) => overSockJs(`${url}/stomp`, "websocket"),
  "SockJS, xhr-streaming": (url) => overSockJs(`${url}/stomp`, "xhr-streaming"),
  "SockJS, xhr-polling": (url) => overSockJs(`${url}/stomp`, "xhr-polling"),
  "a plain WebSocket": (url) => ({ brokerURL: `${url.replace("http", "ws")}/stomp/websocket` }),
};

const server = await startServer({ after }, example("stomp"));

for (const [name, way] of Object.entries(WAYS)) {
  test(`STOMP over ${name}: what is sent to a destination reaches its subscribers, with its headers`, async (t) => {
    const destination = `/topic/${name}`;
    const ada = await connectStomp(t, way(server.url));
    const bob = await connectStomp(t, WAYS["SockJS, websocket"](server.url));
    const heard = [await ada.subscribe(destination), await bob.subscribe(destination)];
    const elsewhere = await bob.subscribe(`${destination}/elsewhere`);

    const body = "line\nline\0é 漢字 😀";
    await ada.publish(destination, body, { extra: "a:b\nc\\d" });
    const ids = [];
    for (const { messages } of heard) {
      const message = await messages.next();
      const { extra, destination: to, "content-length": length, receipt, "message-id": id } = message.headers;
      assert.deepEqual([message.body, extra, to], [body, "a:b\nc\\d", destination]);
      assert.deepEqual([length, receipt], [String(Buffer.byteLength(body)), undefined]);
      ids.push(id);
    }

    await bob.publish(destination, "last"); // what went astray would be there before it
    await bob.publish(`${destination}/elsewhere`, "last");
    for (const { messages } of [...heard, elsewhere]) {
      const message = await messages.next();
      assert.equal(message.body, "last");
      assert.ok(!ids.includes(message.headers["message-id"]));
    }
  });

  test(`STOMP over ${name}: who unsubscribed or disconnected hears no more`, async (t) => {
    const destination = `/topic/leaving/${name}`;
    const ada = await connectStomp(t, way(server.url));
    const bob = await connectStomp(t, way(server.url));
    const [first, second] = [await ada.subscribe(destination), await ada.subscribe(destination)];
    await first.unsubscribe();
    await bob.publish(destination, "to the second");
    assert.equal((await second.messages.next()).body, "to the second");
    await bob.disconnect();
    await ada.publish(destination, "again to the second");
    assert.equal((await second.messages.next()).body, "again to the second");
    assert.equal(first.messages.length, 0);
    await ada.disconnect();
  });
}

test("a client that beats is answered on a WebSocket, over HTTP its beats are taken, and nobody else beats", async (t) => {
  const own = await startServer(t, beating(BEAT_MS));
  const quiet = await connectStomp(t, WAYS["SockJS, websocket"](own.url));
  for (const [name, way] of Object.entries(WAYS)) {
    const client = await connectStomp(t, way(own.url), { heartbeats: BEAT_MS });
    const isAnswered = name.toLowerCase().includes("websocket");
    assert.equal(client.headers["heart-beat"], `${isAnswered ? BEAT_MS : 0},${BEAT_MS}`);
    if (isAnswered) for (let beat = 0; beat < 5; beat++) await client.beats.next("a heart-beat");
    else await sleep(5 * BEAT_MS);
    await client.publish(`/topic/${name}`, "still here");
    if (!isAnswered) assert.equal(client.beats.length, 0);
    await client.disconnect();
  }
  assert.equal(quiet.beats.length, 0);
  await quiet.disconnect();
  await storageEmpties(own.objects);
});

test("subscriptions and heart-beats outlive the sleep of the room", async (t) => {
  const miniflare = await startMiniflare(t, beating(SLOW_BEAT_MS));
  const clients = [];
  for (const [name, way] of Object.entries(WAYS)) {
    const client = await connectStomp(t, way(miniflare.url), { heartbeats: SLOW_BEAT_MS });
    const isAnswered = name.toLowerCase().includes("websocket");
    clients.push({ ...client, isAnswered, ...(await client.subscribe("/topic/sleep")) });
  }
  await miniflare.evict("/stomp//room", "hibernate");
  for (const client of clients.filter(({ isAnswered }) => isAnswered)) {
    while (client.beats.length > 0) await client.beats.next();
    await client.beats.next("a heart-beat after the sleep");
  }
  await miniflare.evict("/stomp//room", "hibernate");
  await clients[0].publish("/topic/sleep", "awake");
  for (const client of clients) assert.equal((await client.messages.next()).body, "awake");
});

test("of the subprotocols that a plain WebSocket offers it gets STOMP 1.2", async (t) => {
  const url = `${server.url}/stomp/websocket`;
  const offer = ["v10.stomp", "v12.stomp"];
  assert.equal((await openWebSocket(t, url, { protocols: offer })).protocol, "v12.stomp");
});

for (const [what, frame, message] of [
  ["no frame", "hello", /ends before its body/],
  ["a frame without its NULL", "SEND\ndestination:/a\n\nbody", /without its NULL/],
  ["an escape that is none", "SEND\ndestination:\\t\n\n\0", /escape/],
  ["an unknown command", "SHOUT\n\n\0", /unknown command/],
  ["a second CONNECT", CONNECT, /already connected/],
  ["no destination", "SEND\n\nbody\0", /SEND needs the header destination/],
  ["a subscription without an id", "SUBSCRIBE\ndestination:/a\n\n\0", /SUBSCRIBE needs the header id/],
  ["a subscription that is there", "SUBSCRIBE\nid:1\ndestination:/a\n\n\0".repeat(2), /there already/],
  ["another acknowledgement", "SUBSCRIBE\nid:1\ndestination:/a\nack:client\n\n\0", /only ack:auto/],
  ["a transaction", "SEND\ndestination:/a\ntransaction:1\n\n\0", /transactions are not supported/],
  ["an acknowledgement", "ACK\nid:1\n\n\0", /ACK is not supported/],
  ["too many subscriptions to remember", `SUBSCRIBE\nid:1\ndestination:/${"a".repeat(5000)}\n\n\0`, /4096 bytes/],
]) {
  test(`ERROR for ${what}, and the end of its connection and no other`, async (t) => {
    const other = await connectStomp(t, WAYS["SockJS, websocket"](server.url));
    const { messages } = await other.subscribe("/topic/still");
    const client = await rawStomp(t, CONNECT);
    assert.match(await client.messages.next("CONNECTED"), /^CONNECTED\nversion:1\.2\n/);
    client.send(frame);
    assert.match(await client.messages.next("ERROR"), message);
    assert.equal((await within(client.closed, "the close")).code, 4000);
    await other.publish("/topic/still", "here");
    assert.equal((await messages.next()).body, "here");
  });
}

for (const [what, frame, message] of [
  ["anything before CONNECT", "SEND\ndestination:/a\nreceipt:7\n\n\0", /CONNECT comes first/],
  ["a client of STOMP 1.1", "CONNECT\naccept-version:1.0,1.1\nreceipt:7\n\n\0", /speaks STOMP 1\.2/],
  ["a client that names no version", "CONNECT\n\n\0", /CONNECT needs the header accept-version/],
  ["a bad heart-beat", "STOMP\naccept-version:1.2\nheart-beat:soon\n\n\0", /bad heart-beat/],
]) {
  test(`ERROR for ${what}`, async (t) => {
    const client = await rawStomp(t, frame);
    const error = await client.messages.next("ERROR");
    assert.match(error, /^ERROR\nversion:1\.2\n/);
    assert.match(error, message);
    assert.equal(error.includes("\nreceipt-id:7\n"), frame.startsWith("SEND"));
    assert.equal((await within(client.closed, "the close")).code, 4000);
  });
}

test("an ERROR tells @stomp/stompjs what is wrong", async (t) => {
  const client = await connectStomp(t, WAYS["a plain WebSocket"](server.url));
  client.client.begin();
  assert.equal((await client.errors.next("ERROR")).headers.message, "BEGIN is not supported");
  assert.equal(await within(client.closed, "the close"), 4000);
});

test("the page is served, and loads the clients that the tests use", async () => {
  const page = await (await fetch(server.url)).text();
  assert.match(page, /webSocketFactory: \(\) => new SockJS\("\/stomp"\)/);
  assertLoads(page, "sockjs-client", "@stomp/stompjs");
});

/** A stock client whose first message is this. */
async function rawStomp(owner, first) {
  const client = await connectStockClient(owner, `${server.url}/stomp`, "websocket");
  client.send(first);
  return client;
}
