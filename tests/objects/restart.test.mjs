// kill -9 of the whole runtime, and a new one on the same storage: HTTP sessions go on.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { PollingSession, openPollingSession } from "../harness/clients/polling-session.mjs";
import { startServer } from "../harness/servers/server.mjs";
import { changeEachObject, readEachObject, readObjects, storageEmpties } from "../harness/servers/storage.mjs";
import { until } from "../harness/waiting/wait.mjs";

const HASTY = { vars: { SOCKJS_DISCONNECT_DELAY: "2000", SOCKJS_HEARTBEAT_DELAY: "2000" } };

async function restart(server) {
  await server.kill();
  await server.start();
}

/** Runs a statement in each object's file, while nothing else has it open. Returns their number. */
function changeObjects(server, statement) {
  const files = readdirSync(server.objects, { recursive: true }).filter((name) => /[0-9a-f]{64}\.sqlite$/.test(name));
  for (const file of files) {
    const database = new DatabaseSync(join(server.objects, file));
    database.exec(statement);
    database.close();
  }
  return files.length;
}

const rows = (server) => Object.values(readObjects(server.objects)).reduce((sum, object) => sum + object.rows, 0);

test("a session goes on after a restart between two polls", async (t) => {
  const server = await startServer(t);
  const session = await openPollingSession(`${server.url}/echo`);
  await session.send(["before"]);
  assert.equal((await session.poll()).body, 'a["before"]\n');

  await restart(server);
  const poll = await session.pendingPoll(t);
  assert.equal((await session.send(["after"])).status, 204);
  assert.equal(await poll.body(), 'a["after"]\n');
});

test("messages that waited for a poll are there after a restart, once and in order", async (t) => {
  const server = await startServer(t);
  const session = await openPollingSession(`${server.url}/echo`);
  await session.send(["a", "b"]);
  await until(() => rows(server) === 2, "a row of the session and one of its messages");

  await restart(server);
  await session.send(["c"]);
  assert.equal((await session.poll()).body, 'a["a","b","c"]\n');
});

test("a closed session still answers its close frame after a restart", async (t) => {
  const server = await startServer(t);
  const session = new PollingSession(`${server.url}/close`);
  await session.poll();
  const goAway = 'c[3000,"Go away!"]\n';
  assert.equal((await session.poll()).body, goAway);

  await restart(server);
  assert.equal((await session.poll()).body, goAway);
  assert.equal((await session.send(["a"])).status, 204);
});

test("a session that the release before stored goes on, and its table gets the column for the kind of a close", async (t) => {
  const server = await startServer(t);
  const session = await openPollingSession(`${server.url}/echo`);
  await session.send(["a"]);
  await until(() => rows(server) === 2, "a row of the session and one of its messages");
  await server.kill();
  // That release made the table without this column.
  assert.equal(changeObjects(server, "ALTER TABLE sockjs_sessions_2 DROP COLUMN close_kind"), 1);
  await server.start();

  assert.equal((await session.poll()).body, 'a["a"]\n');
  // A body that is too large closes the session, which is stored.
  assert.equal((await session.sendBody(JSON.stringify(["x".repeat(2 << 20)]))).status, 413);
  const closed = await session.poll();
  assert.match(closed.body, /^c\[1009,/);
  const kinds = [];
  const kindsStored = () => {
    kinds.length = 0;
    readEachObject(server.objects, (database) => {
      kinds.push(...database.prepare("SELECT close_kind FROM sockjs_sessions_2 WHERE close_code IS NOT NULL").all());
    });
    return kinds.length > 0;
  };
  await until(kindsStored, "the close to be stored");
  assert.deepEqual(kinds.map(({ close_kind }) => close_kind), ["violation"]);
  await restart(server);
  assert.equal((await session.poll()).body, closed.body);
});

test("a session whose time ran out while nothing ran is cleaned up by its alarm", async (t) => {
  const server = await startServer(t, HASTY);
  await openPollingSession(`${server.url}/echo`);
  await restart(server);
  await storageEmpties(server.objects);
});

test("a session is cleaned up when everything dies shortly before its end", async (t) => {
  const server = await startServer(t, HASTY);
  const session = await openPollingSession(`${server.url}/echo`);
  const alarm = () => Object.values(readObjects(server.objects))[0].alarm;
  const first = alarm();
  await sleep(600); // and so the alarm finds a session with less than a second left
  await session.send(["a"]);
  await session.poll();
  await until(() => alarm() !== first, "the alarm to fire");
  await restart(server);
  await storageEmpties(server.objects);
});

for (const damage of ["messages = 'nope'", "messages = '[]'", "messages = x'00ff'", "first = 'x'", "last = 9007199254740993"]) {
  test(`a damaged row of messages ends its session, and the others of its object go on: ${damage}`, async (t) => {
    const lines = [];
    const server = await startServer(t, { vars: { SOCKJS_PERSIST_AFTER: "50" }, log: (text) => lines.push(text) });
    const [damaged, other] = [await openPollingSession(`${server.url}/broadcast`), await openPollingSession(`${server.url}/broadcast`)];
    await damaged.send(["one", "two"]);
    await until(() => rows(server) === 4, "two rows of sessions and two of messages");
    await server.kill();
    changeObjects(server, `UPDATE sockjs_messages_1 SET ${damage} WHERE session = '${damaged.id}'`);
    await server.start();

    assert.equal((await other.poll()).body, 'a["one","two"]\n');
    assert.equal((await damaged.poll()).body, 'c[1011,"Storage failed"]\n');
    const fresh = await openPollingSession(`${server.url}/broadcast`);
    assert.equal((await other.send(["three"])).status, 204);
    assert.equal((await fresh.poll()).body, 'a["three"]\n');
    assert.equal((await other.poll()).body, 'a["three"]\n');
  });
}

test("a damaged row of the application's alarm or of counts keeps nobody out", async (t) => {
  const server = await startServer(t, { vars: { SOCKJS_PERSIST_AFTER: "50" }, log: () => {} });
  const session = await openPollingSession(`${server.url}/broadcast`);
  await session.send(["one"]);
  await until(() => rows(server) === 2, "a row of the session and one of its message");
  await server.kill();
  changeObjects(server, "CREATE TABLE sockjs_rooms_1 (service TEXT PRIMARY KEY, alarm INTEGER NOT NULL) WITHOUT ROWID");
  changeObjects(server, "INSERT INTO sockjs_rooms_1 VALUES ('/broadcast', 'soon')");
  await server.start();
  assert.equal((await session.poll()).body, 'a["one"]\n');
});

test("the alarm of a service that was taken away is dropped, and logged once", async (t) => {
  let log = "";
  const server = await startServer(t, { log: (text) => (log += text) });
  const session = await openPollingSession(`${server.url}/lobby/room`);
  await session.send(["alarm"]);
  const alarms = () => {
    const services = [];
    readEachObject(server.objects, (database) => {
      const isThere = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'sockjs_rooms_1'").get();
      if (isThere) services.push(...database.prepare("SELECT service FROM sockjs_rooms_1").all());
    });
    return services.map(({ service }) => service);
  };
  await until(() => alarms().length === 1, "the alarm to be stored");
  await server.kill();
  changeEachObject(server.objects, (database) => database.exec("UPDATE sockjs_rooms_1 SET service = '/gone'"));
  assert.deepEqual(alarms(), ["/gone"]);
  await server.start();
  await session.send(["others hello"]); // wakes the object
  await until(() => alarms().length === 0, "the alarm to be dropped");
  await restart(server);
  await session.send(["alarms"]);
  let heard = "";
  for (let polls = 0; polls < 100 && !heard.includes('"0"'); polls += 1) heard += (await session.poll()).body;
  assert.match(heard, /"0"/, "no alarm is stored");
  assert.equal(log.split("no service has the prefix /gone any more").length - 1, 1);
});
