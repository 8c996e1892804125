// sockjs-edge/testing: a room in memory does with a service what the server does.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CallRejected } from "../../typescript/src/errors.js";
import { TestRoom } from "../../typescript/src/testing.js";

const echo = { onMessage: (conn, message) => conn.send(message) };

test("a client hears what is sent to it, and the room what is broadcast", async () => {
  const room = new TestRoom({ ...echo, onOpen: (conn) => void conn.room.broadcast("opened", { except: conn }) });
  const [one, other] = [await room.connect(), await room.connect({ claims: { user: "ann" } })];
  await one.send("hello");
  assert.deepEqual([one.received, other.received], [["opened", "hello"], []]);
  assert.equal(room.room.count, 2);
});

test("one event of a connection waits for the one before, and those of others do not", async () => {
  const order = [];
  const gate = Promise.withResolvers();
  const room = new TestRoom({
    async onMessage(conn, message) {
      if (message === "wait") await gate.promise;
      order.push(message);
    },
  });
  const [one, other] = [await room.connect(), await room.connect()];
  const sent = [one.send("wait"), one.send("second")];
  await other.send("other");
  gate.resolve();
  await Promise.all(sent);
  assert.deepEqual(order, ["other", "wait", "second"]);
});

test("an error closes its connection with 1011, and onClose is told", async () => {
  const reasons = [];
  const room = new TestRoom({
    onMessage() {
      throw new Error("broken");
    },
    onClose: (conn, reason) => void reasons.push([conn.readyState, reason]),
  });
  const client = await room.connect();
  await client.send("hello");
  assert.deepEqual(client.closed, { code: 1011, reason: "Handler failed" });
  assert.deepEqual(reasons, [[3, { kind: "handler_failed" }]]);
  assert.equal(room.errors[0].message, "broken");
  await assert.rejects(client.send("more"), { name: "SendError", kind: "closed" });
});

test("a connection that the application closes is over after the event", async () => {
  const reasons = [];
  const room = new TestRoom({ onMessage: (conn) => conn.close(3000, "enough"), onClose: (_, reason) => void reasons.push(reason) });
  const client = await room.connect();
  await client.send("hello");
  assert.deepEqual(reasons, [{ kind: "application", code: 3000, reason: "enough" }]);
  assert.deepEqual([client.closed, room.room.count], [{ code: 3000, reason: "enough" }, 0]);
});

test("state and groups live through a restart, and have the server's limits", async () => {
  const returned = [];
  const room = new TestRoom({
    onOpen(conn) {
      conn.state = { name: "ann" };
      conn.join("staff");
    },
    onReturn: (conn) => void returned.push([conn.state, conn.groups]),
    onMessage(conn, message) {
      if (message === "state") conn.state = "x".repeat(5_000);
      else conn.join(message);
    },
  });
  const [client, gone] = [await room.connect(), await room.connect()];
  await room.restart({ held: ({ id }) => id === client.id });
  assert.deepEqual(returned, [[{ name: "ann" }, ["staff"]]]);
  assert.equal(gone.closed.code, 1006);
  await client.send("state");
  assert.equal(room.errors.at(-1).name, "StateError");
  const other = await room.connect();
  await other.send("x".repeat(129));
  assert.equal(room.errors.at(-1).name, "GroupError");
});

test("what is left of the instance before is stale, and a start that fails closes whoever comes", async () => {
  let kept;
  let fails = false;
  const room = new TestRoom({
    onStart() {
      if (fails) throw new Error("no start");
    },
    onMessage: (conn) => void (kept = conn),
  });
  const client = await room.connect();
  await client.send("hello");
  const before = room.room;
  await room.restart();
  assert.throws(() => kept.send("late"), { name: "StaleError" });
  assert.throws(() => before.broadcast("late"), { name: "StaleError" });
  fails = true;
  await room.restart();
  assert.equal((await room.connect()).closed.code, 1011);
  assert.throws(() => new TestRoom({ onMesage() {} }), /there is no event onMesage/);
});

test("storage has keys and values, and says what it lacks", async () => {
  const { room } = new TestRoom({});
  await room.storage.put({ "a:1": 1, "a:2": 2, b: 3 });
  assert.deepEqual(await room.storage.list({ prefix: "a:" }), new Map([["a:1", 1], ["a:2", 2]]));
  assert.deepEqual([await room.storage.get("b"), await room.storage.delete(["b", "c"])], [3, 1]);
  assert.throws(() => room.storage.sql, /a test has no storage.sql/);
});

test("alarms and calls run when they are wanted", async () => {
  const room = new TestRoom({
    ...echo,
    onOpen: (conn) => conn.room.setAlarm(1_000),
    onAlarm: (room) => void room.broadcast("alarm"),
    onCall(room, question) {
      if (question !== "count") throw new CallRejected("ask for count");
      return room.count;
    },
  });
  assert.equal(await room.alarm(), false);
  const client = await room.connect();
  assert.equal(await room.alarm(), true);
  assert.deepEqual(client.received, ["alarm"]);
  assert.equal(await room.call("count"), 1);
  await assert.rejects(room.call("what"), { kind: "rejected" });
});
