// Code that must compile, and code that must not.

import sockjsNode, {
  CallRejected,
  PushError,
  SendError,
  createServer,
  push,
  sockjs,
  type CloseReason,
  type Connection,
  type Handler,
  type Room,
} from "sockjs-edge";
import { TestRoom } from "sockjs-edge/testing";

const chat: Handler = {
  options: { placement: "shards:8", heartbeat_delay: 20_000, allowed_origins: ["https://example.com"], durability: "outbox" },
  onRequest(request) {
    const user = request.cookie("user");
    return user === undefined ? new Response("log in first", { status: 401 }) : { claims: { user } };
  },
  async onStart(room) {
    const seen: number | undefined = await room.storage.get("seen");
    await room.storage.put("seen", (seen ?? 0) + 1);
  },
  onOpen(conn) {
    conn.join("lobby");
    conn.state = { since: 5 };
    conn.room.to("lobby").broadcast(`${conn.room.count} here`, { except: conn });
  },
  async onMessage(conn, message) {
    await conn.ready();
    conn.send(message.toUpperCase());
    const reached: number = await conn.room.all.to("lobby").broadcast(message);
    if (reached === 0) conn.close(3000, "alone");
  },
  onClose(conn, reason) {
    if (reason.kind === "client") conn.room.broadcast(`${conn.id} left with ${reason.code}`);
    // @ts-expect-error Only some kinds have a code.
    const code: number = reason.code;
    return void code;
  },
  onCall(room, question) {
    if (question !== "present") throw new CallRejected("ask for present");
    return [...room.connections()].map(({ id }) => id);
  },
};

/** JSON data may be declared in either way. */
interface Who {
  name: string;
}

export function introduced(conn: Connection, who: Who): Who {
  conn.state = who;
  const kept: Who = conn.state;
  return kept;
}

class Counting {
  count = 0;
  onMessage(conn: Connection) {
    this.count += 1;
    conn.send(`${this.count}`);
  }
}

export const { SockJs, worker, handles } = sockjs(
  { "/chat/{room}": chat, "/count": { options: { placement: "room" }, create: () => new Counting() } },
  { binding: "SOCKETS", log: "info", fetch: () => new Response("a page") },
);

// @ts-expect-error A placement is one of three forms.
sockjs({ "/a": { options: { placement: "rooms" } } });
// @ts-expect-error There is no such option.
sockjs({ "/a": { options: { heartbeat: 5 } } });
// @ts-expect-error Times are numbers.
sockjs({ "/a": { options: { heartbeat_delay: "5 s" } } });
// @ts-expect-error There is no such event.
sockjs({ "/a": { onmessage() {} } });
// @ts-expect-error A prefix has a service.
sockjs({ "/a": "echo" });

export async function route(env: unknown): Promise<string[]> {
  const room = push(env).room("/chat/lobby");
  const present = await room.call<string[]>("present");
  const { connections, next } = await room.connections({ limit: 10 });
  const addresses: string[] = connections.map(({ address }) => address);
  if (next !== undefined) await room.connections({ after: next });
  return [...present, ...addresses];
}

export function told(error: unknown, conn: Connection, room: Room, reason: CloseReason) {
  if (error instanceof SendError && error.kind === "queue_full") return conn.bufferedAmount;
  if (error instanceof PushError && error.kind === "no_room") return room.count;
  // @ts-expect-error There is no such kind.
  if (error instanceof SendError && error.kind === "full") return 0;
  // @ts-expect-error A message is a string.
  conn.send({ text: "hello" });
  // @ts-expect-error Nobody sets an id.
  conn.id = "5";
  return reason.kind;
}

const echo = createServer({ prefix: "/echo", heartbeat_delay: 25_000, hibernate: true });
echo.on("connection", (conn) => {
  const port: undefined = conn.remotePort;
  conn.on("data", (message) => {
    const text: string = message;
    if (!conn.write(text)) conn.once("drain", () => conn.write("drained"));
  });
  conn.on("close", () => port);
  if (conn.resumed) conn.end("again");
  // @ts-expect-error A stream carries strings.
  conn.write(5);
});
echo.installHandlers();
echo.installHandlers(null, { prefix: "/echo" });
sockjsNode.createServer().installHandlers({ prefix: "/other" });

export async function tested() {
  const room = new TestRoom(chat, { params: { room: "lobby" } });
  const client = await room.connect({ claims: { user: "ann" }, transport: "xhr-streaming" });
  await client.send("hello");
  const first: string | undefined = client.next();
  return first;
}
