import assert from "node:assert/strict";
import { after, test } from "node:test";
import { start } from "../harness/clients/http.mjs";
import { PollingSession } from "../harness/clients/polling-session.mjs";
import { startServer } from "../harness/servers/server.mjs";

const server = await startServer({ after });

test("one connection serves one request after the other, polls and sends", async (t) => {
  const { url } = new PollingSession(`${server.url}/echo`);
  const connection = await start(`${server.url}/echo`);
  t.after(() => connection.close());
  const answer = async () => [(await connection.head()).status, await connection.body()];
  assert.deepEqual(await answer(), [200, "Welcome to SockJS!\n"]);
  for (const [path, body, expected] of [
    ["/xhr", undefined, [200, "o\n"]],
    ["/xhr_send", '["a"]', [204, ""]],
    ["/xhr", undefined, [200, 'a["a"]\n']],
  ]) {
    connection.send(url + path, { method: "POST", body });
    assert.deepEqual(await answer(), expected);
  }
});

test("a client that asks for the end of the connection gets it, after its answer", async (t) => {
  const connection = await start(`${server.url}/echo`, { headers: { Connection: "close" } });
  t.after(() => connection.close());
  assert.equal((await connection.head()).status, 200);
  assert.equal(await connection.ended(), "Welcome to SockJS!\n");
});
