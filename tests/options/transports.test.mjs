import assert from "node:assert/strict";
import { once } from "node:events";
import { after, test } from "node:test";
import { WebSocket } from "ws";
import { request } from "../harness/clients/http.mjs";
import { connectStockClient } from "../harness/clients/stock-client.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { within } from "../harness/waiting/wait.mjs";

const server = await startServer({ after }, {
  vars: { SOCKJS_TRANSPORTS: "websocket, xhr-polling", SOCKJS_WEBSOCKET_PROTOCOLS: "v12.stomp,v11.stomp" },
});

test("transports that are not offered are not found, and /info leaves them out", async () => {
  const info = JSON.parse((await request(`${server.url}/echo/info`)).body);
  assert.deepEqual(info.transports, ["websocket", "xhr-polling"]);
  assert.equal(info.websocket, true);
  for (const [method, path] of [
    ["POST", "/000/a/xhr_streaming"],
    ["OPTIONS", "/000/a/xhr_streaming"],
    ["GET", "/000/a/eventsource"],
    ["GET", "/000/a/htmlfile?c=c"],
    ["GET", "/000/a/jsonp?c=c"],
    ["POST", "/000/a/jsonp_send"],
    ["GET", "/websocket"],
  ]) {
    assert.equal((await request(`${server.url}/echo${path}`, { method })).status, 404, path);
  }
});

test("transports that are offered work, and send", async (t) => {
  for (const transport of ["websocket", "xhr-polling"]) {
    const client = await connectStockClient(t, `${server.url}/echo`, transport);
    client.send(transport);
    assert.equal(await client.messages.next(), transport);
  }
});

async function select(t, offered) {
  const socket = new WebSocket(`${server.url}/echo/000/p/websocket`.replace("http", "ws"), offered);
  t.after(() => socket.terminate());
  const opened = Promise.all([once(socket, "open"), once(socket, "message")]);
  const [, [frame]] = await within(opened, "the WebSocket to open");
  assert.equal(frame.toString(), "o");
  socket.send('["a"]');
  assert.equal((await within(once(socket, "message"), "the echo"))[0].toString(), 'a["a"]');
  return socket.protocol;
}

test("of the subprotocols that a client offers, the service's first is selected", async (t) => {
  assert.equal(await select(t, ["v10.stomp", "v11.stomp", "v12.stomp"]), "v12.stomp");
  assert.equal(await select(t, ["v11.stomp"]), "v11.stomp");
  assert.equal(await select(t, []), "");
});

test("a client that offers only other subprotocols is told of none, and fails as RFC 6455 has it", async (t) => {
  await assert.rejects(select(t, ["v1.other"]), /subprotocol/);
});
