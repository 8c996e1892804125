import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import SockJS from "sockjs-client";
import { example } from "../../scripts/examples.mjs";
import { ROOT } from "../../scripts/tools.mjs";
import { request } from "../harness/clients/http.mjs";
import { connectStockClient } from "../harness/clients/stock-client.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { readObjects } from "../harness/servers/storage.mjs";
import { within } from "../harness/waiting/wait.mjs";

const vars = { SOCKJS_TICKET_KEYS: "at-least-32-characters-that-nobody-knows", USERS: "ada:secret,bob:another,nobody:" };
const server = await startServer({ after }, { ...example("tickets"), vars });

for (const transport of ["websocket", "xhr-streaming", "eventsource", "xhr-polling"]) {
  test(`the claims of on_request reach the connection by the ticket: ${transport}`, async (t) => {
    for (const [token, user] of [["secret", "ada"], ["another", "bob"]]) {
      const client = await connectStockClient(t, `${server.url}/members?token=${token}`, transport);
      client.send("hello");
      assert.equal(await client.messages.next(), `${user}: hello`);
    }
  });
}

test("the ticket alone is enough: what the page showed for it is asked for once", async () => {
  const { base_url } = JSON.parse((await request(`${server.url}/members/info?token=secret`)).body);
  assert.doesNotMatch(base_url, /token|secret/, "a login stands in no later URL");
  const [ticket] = /ticket=[^&]+/.exec(base_url);
  const session = `${server.url}/members/000/of-the-ticket`;
  assert.equal((await request(`${session}/xhr?${ticket}`, { method: "POST" })).body, "o\n");
  await request(`${session}/xhr_send?${ticket}`, { method: "POST", body: '["hello"]' });
  assert.equal((await request(`${session}/xhr?${ticket}`, { method: "POST" })).body, 'a["ada: hello"]\n');
});

test("who has no token gets no ticket, and no object is asked", async (t) => {
  const own = await startServer(t, { ...example("tickets"), vars });
  for (const query of ["", "?token=", "?token=wrong"]) {
    const { status, body } = await request(`${own.url}/members/info${query}`);
    assert.deepEqual([status, body], [401, "a token is needed"], query);
    const { code } = await within(closeOf(`${own.url}/members${query}`), "the stock client to give up");
    assert.equal(code, 1002, query);
    const poll = await request(`${own.url}/members/000/s/xhr${query}`, { method: "POST" });
    assert.equal(poll.status, 403, query);
  }
  assert.deepEqual(readObjects(own.objects), {});
});

test("a token in the first message: who has one is known from then on, who has none is closed", async (t) => {
  for (const transport of ["websocket", "xhr-polling"]) {
    const client = await connectStockClient(t, `${server.url}/lobby`, transport);
    client.send("another");
    assert.equal(await client.messages.next(), "welcome, bob");
    client.send("hello");
    assert.equal(await client.messages.next(), "bob: hello");

    for (const token of ["wrong", ""]) {
      const stranger = await connectStockClient(t, `${server.url}/lobby`, transport);
      stranger.send(token);
      assert.deepEqual(await within(stranger.closed, "the close"), { code: 4001, reason: "a token is needed", wasClean: true });
    }
  }
});

test("SECURITY.md shows what the example does", () => {
  const read = (file) => readFileSync(join(ROOT, file), "utf8");
  const source = read("examples/tickets/src/lib.rs").replace(/^ +/gm, "");
  const blocks = [...read("SECURITY.md").matchAll(/```rust\n(.*?)```/gs)].map(([, block]) => block.replace(/^ +/gm, ""));
  assert.equal(blocks.length, 2);
  for (const block of blocks) assert.ok(source.includes(block), block);
});

function closeOf(url) {
  return new Promise((resolve) => {
    new SockJS(url, null, { transports: "xhr-polling" }).onclose = resolve;
  });
}
