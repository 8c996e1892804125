// An application for the tests of the npm package: what a client sends says what its handler does.

import { Transform } from "node:stream";
import { Hono } from "hono";
import sockjsNode, {
  CallRejected,
  SendError,
  handles,
  push,
  sockjs,
  type Connection,
  type ConnectionStream,
  type Room,
} from "sockjs-edge";

/** The connections of before, by which a test calls one whose object is gone. */
const before: Connection[] = [];

type Order = { order: string; text?: string; group?: string; ms?: number };

function fail(how: string): void | Promise<void> {
  switch (how) {
    case "throw":
      throw new Error("thrown by the application");
    case "reject":
      return Promise.reject(new Error("rejected by the application"));
    case "later":
      return new Promise((_, reject) => setTimeout(() => reject(new Error("rejected later")), 10));
    case "text":
      throw "a text";
    case "object":
      throw { code: 5 };
    case "null":
      throw null;
    case "undefined":
      throw undefined;
  }
}

async function obey(conn: Connection, { order, text = "", group, ms = 0 }: Order): Promise<unknown> {
  const room = conn.room;
  switch (order) {
    case "facts": {
      const { id, sessionId, transport, prefix, params, pathname, query, headers, address, claims, readyState } = conn;
      return { id, sessionId, transport, prefix, params, pathname, query, headers, address, claims, readyState };
    }
    case "state":
      conn.state = { text };
      return conn.state;
    case "recall":
      return conn.state ?? null;
    case "join":
      conn.join(group ?? "");
      return conn.groups;
    case "leave":
      conn.leave(group ?? "");
      return conn.isIn(group ?? "");
    case "say":
      return group === undefined ? room.broadcast(text, { except: conn }) : room.to(group).broadcast(text);
    case "all":
      return group === undefined ? await room.all.broadcast(text) : await room.all.to(group).broadcast(text);
    case "count":
      return [room.count, await room.all.count(), [...room.connections()].length, room.connection(conn.id) === conn];
    case "store": {
      await room.storage.put("text", text);
      room.storage.sql.exec("CREATE TABLE IF NOT EXISTS texts (text TEXT)");
      room.storage.sql.exec("INSERT INTO texts VALUES (?)", text);
      return [await room.storage.get("text"), [...room.storage.sql.exec("SELECT count(*) AS count FROM texts")][0]?.["count"]];
    }
    case "alarm":
      room.setAlarm(ms);
      return room.name;
    case "sleep":
      await new Promise((resolve) => setTimeout(resolve, ms));
      return "slept";
    case "block": {
      const until = Date.now() + ms;
      // Time does not pass while nothing is waited for, but for what the processor does.
      for (let at = 0; at < ms * 100_000 && Date.now() < until; at += 1);
      return "blocked";
    }
    case "too large":
      conn.send("x".repeat(2 << 20));
      return "sent";
    case "no text":
      (conn as { send(message: unknown): void }).send({ text });
      return "sent";
    case "bad close":
      conn.close(1001);
      return "closed";
    case "keep":
      before.push(conn);
      return before.length;
    case "stale":
      return before.map((known) => {
        try {
          known.send(text);
          return "sent";
        } catch (error) {
          return `${(error as Error).name} ${(error as SendError).kind}`;
        }
      });
  }
  throw new Error(`no order ${order}`);
}

const orders = {
  async onMessage(conn: Connection, message: string) {
    let answer;
    try {
      answer = { done: await obey(conn, JSON.parse(message) as Order) };
    } catch (error) {
      const { name, message: problem, kind } = error as SendError;
      answer = { error: name, kind, problem };
    }
    conn.send(JSON.stringify(answer));
  },
};

class Counter {
  #count = 0;
  onMessage(conn: Connection) {
    this.#count += 1;
    conn.send(`${this.#count}`);
  }
}

/** sockjs-node's way: a list of clients in a variable. */
const clients = new Set<ConnectionStream>();
const chat = sockjsNode.createServer({ prefix: "/node-chat" });
chat.on("connection", (conn) => {
  clients.add(conn);
  conn.write(`${conn.resumed ? "again" : "hello"} ${clients.size}`);
  conn.on("data", (message) => {
    for (const client of clients) client.write(message);
  });
  conn.on("close", () => clients.delete(conn));
});
chat.installHandlers();

const resting = sockjsNode.createServer({ prefix: "/node-resting", hibernate: true });
resting.on("connection", (conn) => {
  if (conn.resumed) conn.write("resumed");
  conn.on("data", (message) => conn.write(message));
});
resting.installHandlers(null, { websocket_holder: "worker" });

/** The streams of every instance of an object, with the number of times that each was closed. */
const everyone = new Map<ConnectionStream, number>();
/** The list as sockjs-node's README has it. */
const listed: Record<string, ConnectionStream> = {};
function keepList(conn: ConnectionStream) {
  everyone.set(conn, 0);
  listed[conn.id] = conn;
  conn.on("close", () => {
    everyone.set(conn, (everyone.get(conn) ?? 0) + 1);
    delete listed[conn.id];
  });
  conn.on("data", (message) => {
    if (message === "count") conn.write(`${Object.keys(listed).length}`);
    else for (const client of Object.values(listed)) client.write(message);
  });
}

/** Returns what the streams that are closed say of themselves. */
const closedStreams = () =>
  [...everyone].filter(([, closes]) => closes > 0).map(([conn, closes]) => [conn.readyState, conn.writable, conn.write("late"), conn.close(), closes]);

for (const [prefix, holder] of [["/node-list", "worker"], ["/node-lost", "object"]] as const) {
  const server = sockjsNode.createServer({ prefix, hibernate: true, websocket_holder: holder });
  server.on("connection", keepList);
  server.installHandlers();
}

const listening = sockjsNode.createServer({ prefix: "/node-listening" });
listening.on("connection", (conn) => conn.on("data", (message) => conn.write(message)));
listening.installHandlers();

const piped = sockjsNode.createServer();
piped.on("connection", (conn) => conn.pipe(conn));
piped.installHandlers({ prefix: "/node-piped" });

const failing = sockjsNode.createServer({ prefix: "/node-failing", placement: "session" });
failing.on("connection", (conn) => {
  conn.on("data", (message) => {
    if (message === "throw") throw new Error("thrown by a listener");
  });
  conn.on("data", async (message) => {
    await Promise.resolve();
    if (message === "reject") throw new Error("rejected by a listener");
  });
});
failing.installHandlers();

const moody = sockjsNode.createServer({ prefix: "/node-moody/{room}", placement: "room", queue_limit: 65_536, message_limit: 16_384 });
/** Number of open connections, by room. */
const moods = new Map<string, number>();
moody.on("connection", (conn) => {
  const room = conn.native.params["room"] ?? "";
  const count = (more: number) => moods.set(room, (moods.get(room) ?? 0) + more);
  count(1);
  conn.on("close", () => count(-1));
  conn.on("data", (message) => {
    switch (message) {
      case "pause":
        conn.pause();
        break;
      case "count":
        conn.write(`${moods.get(room)}`);
        break;
      case "bad close":
        try {
          conn.close(1001);
        } catch (error) {
          conn.write((error as Error).name);
        }
        break;
      case "null close":
        conn.close(null as unknown as undefined, null as unknown as undefined);
        break;
      case "destroy":
        conn.destroy();
        break;
      case "large":
        while (conn.write("x".repeat(10_000)));
        conn.write("y".repeat(70_000));
        conn.write("after");
        break;
      case "relay": {
        // To whoever is there and is not it, and is about to leave.
        conn.pipe(leaving as unknown as ConnectionStream);
        break;
      }
      case "leaving":
        leaving = conn;
        break;
    }
  });
});
let leaving: ConnectionStream | undefined;
moody.installHandlers();

const upper = sockjsNode.createServer({ prefix: "/node-upper" });
upper.on("connection", (conn) => {
  const shout = new Transform({
    decodeStrings: false,
    encoding: "utf8",
    transform: (text: string, _, done) => done(null, text.toUpperCase()),
  });
  conn.pipe(shout).pipe(conn);
});
upper.installHandlers();

const stubborn = sockjsNode.createServer({ prefix: "/node-stubborn", queue_limit: 16_384, message_limit: 4_096 });
stubborn.on("connection", (conn) => {
  let waits = 0;
  conn.on("drain", () => conn.write(`drained ${waits}`));
  conn.on("data", (message) => {
    // It does not look at what write returns, until it is done.
    for (let number = 0; number < Number(message); number += 1) if (!conn.write(`${number}`.padStart(100, "0"))) waits += 1;
  });
});
stubborn.installHandlers();

const routes = new Hono();
routes.get("/hono/:room", async (c) => c.json({ count: await push(c.env).room(`/hall/${c.req.param("room")}`).count() }));

export const { SockJs, worker } = sockjs(
  {
    "/echo": { onMessage: (conn, message) => conn.send(message) },
    "/fail": {
      onOpen: (conn) => fail(new URLSearchParams(conn.query).get("open") ?? ""),
      onMessage: (_, message) => fail(message),
    },
    "/orders": orders,
    "/hall/{room}": {
      ...orders,
      options: { placement: "room", websocket_holder: "worker" },
      onOpen: (conn) => void conn.room.broadcast("opened", { except: conn }),
      onReturn: (conn) => conn.send("returned"),
      onReturned: (room: Room) => void room.broadcast("all are back"),
      onClose: (conn, reason) => void conn.room.broadcast(JSON.stringify(reason)),
      onAlarm: (room) => void room.broadcast("alarm"),
      onCall(room, question) {
        if (question === "fail") throw new Error("the application's fault");
        if (question === "nothing") return;
        if (question !== "count") throw new CallRejected("ask for count");
        return room.count;
      },
    },
    "/guarded": {
      async onRequest(request, env) {
        const user = request.cookie("user");
        if (user === "broken") throw new Error("onRequest is broken");
        if (user === "banned") return false;
        if (user === undefined) return Response.json({ error: "log in" }, { status: 401, headers: { "X-Realm": `${typeof env.SOCKJS}` } });
        return { claims: { user, kind: request.kind } };
      },
      onMessage: (conn) => conn.send(JSON.stringify(conn.claims)),
    },
    "/slashed/": { onRequest: () => false, onMessage: (conn, message) => conn.send(message) },
    "/counter/{room}": { options: { placement: "room" }, create: () => new Counter() },
  },
  {
    async fetch(request, env, context) {
      if (request.url.includes("/hono/")) return await routes.fetch(request, env, context);
      const { pathname, searchParams } = new URL(request.url);
      if (pathname === "/handles") return Response.json(handles(new Request(searchParams.get("url") ?? ""), env));
      if (pathname === "/listed") return Response.json(Object.values(listed).map((conn) => [conn.write("late"), conn.readyState]));
      if (pathname === "/closed") return Response.json(closedStreams());
      if (pathname === "/push") return await push(env).serve(request, ["a secret of at least thirty-two characters"]);
      if (pathname !== "/tell") return new Response("a page of the application");
      try {
        const room = push(env).room(searchParams.get("room") ?? "");
        if (searchParams.has("call")) return Response.json({ answer: await room.call(searchParams.get("call") ?? "") });
        const { connections, next } = await room.connections({ limit: 1 });
        const [first] = connections;
        const sent = first ? await push(env).connection(first.address).send("to one") : false;
        return Response.json({ reached: await room.broadcast("to all"), count: await room.count(), sent, next: next !== undefined });
      } catch (error) {
        return Response.json({ error: (error as Error).name, kind: (error as SendError).kind }, { status: 400 });
      }
    },
  },
);
export default worker;

