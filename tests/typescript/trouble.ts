// `/trouble` in TypeScript, for the fault suite: see tests/rigs/src/trouble.rs, whose log it writes. There is no panic here.

import { WorkerEntrypoint, env as vars } from "cloudflare:workers";
import { sockjs, type CloseReason, type Connection, type Handler, type Options } from "sockjs-edge";

type Kept = { text: string; close_ms: number };
type Order = { round: number; count: number; every_ms: number; size: number; ms: number; then: string; text: string; code: number; reason: string };

/** Variables of the test servers that are no options. */
const OTHERS = /^SOCKJS_(TEST_SERVICES|DEMO|PUSH_TOKENS|METRICS_TOKENS|DEVELOPMENT|TICKET_KEYS)$/;

const options = Object.fromEntries(
  Object.entries(vars as unknown as Record<string, unknown>)
    .filter(([name, value]) => name.startsWith("SOCKJS_") && typeof value === "string" && !OTHERS.test(name))
    .map(([name, value]) => [name.slice("SOCKJS_".length).toLowerCase(), value]),
) as Options;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const parameter = (conn: Connection, name: string) => new URLSearchParams(conn.query).get(name) ?? undefined;
const kept = (conn: Connection): Kept => ({ text: "", close_ms: 0, ...(conn.state as Partial<Kept> | undefined) });

function log(conn: Connection, event: string) {
  console.log(JSON.stringify({ trouble: event, session: conn.sessionId ?? parameter(conn, "id") ?? null }));
}

/** Sends a message back, and logs it without the dashes that fill it up. */
function echo(conn: Connection, message: string) {
  log(conn, `heard: ${message.replace(/-+$/, "")}`);
  try {
    conn.send(message);
  } catch (error) {
    log(conn, `refused: ${(error as Error).message}`);
  }
}

async function speak(conn: Connection, { round, count, every_ms, size }: Order) {
  for (let number = 0; number < count; number += 1) {
    let message = `said ${round}.${number}`;
    try {
      conn.send(message.padEnd(size, "-"));
    } catch (error) {
      message = `refused: ${(error as Error).message}: ${message}`;
    }
    // What a handler does leaves the object when it is on disk, but for the log: so that comes after a wait.
    await sleep(every_ms);
    log(conn, message);
  }
}

function orderOf(message: string): [string, Order] | undefined {
  try {
    const read: unknown = JSON.parse(message);
    if (read === null || typeof read !== "object" || Array.isArray(read)) return undefined;
    return Object.entries(read as Record<string, Order>)[0];
  } catch {
    return undefined;
  }
}

/** A reason as Rust's log has it. */
function shown(reason: CloseReason): string {
  const kind = reason.kind.replace(/(^|_)(\w)/g, (_, __, letter: string) => letter.toUpperCase());
  return "code" in reason ? `${kind} { code: ${reason.code}, reason: ${JSON.stringify(reason.reason)} }` : kind;
}

const trouble: Handler = {
  options,
  onStart(room) {
    const sessions = [...room.connections()].map(({ sessionId }) => sessionId).filter((id) => id !== undefined);
    console.log(JSON.stringify({ trouble: "start", sessions }));
  },
  onOpen(conn) {
    log(conn, "open");
    const text = parameter(conn, "keep");
    if (text !== undefined) conn.state = { text };
  },
  onReturn(conn) {
    log(conn, "return");
  },
  onReturned() {
    console.log(JSON.stringify({ trouble: "returned" }));
  },
  async onMessage(conn, message) {
    const [order, given] = orderOf(message) ?? [];
    if (order === undefined || given === undefined) return echo(conn, message);
    switch (order) {
      case "speak":
        void speak(conn, given);
        return;
      case "sleep":
        log(conn, `sleeps: ${given.then}`);
        await sleep(given.ms);
        return echo(conn, given.then);
      case "keep":
        try {
          conn.state = { ...kept(conn), text: given.text };
          return echo(conn, "kept");
        } catch (error) {
          return echo(conn, `not kept: ${(error as Error).message}`);
        }
      case "recall":
        return echo(conn, `recalled ${kept(conn).text}`);
      case "close_slowly":
        conn.state = { ...kept(conn), close_ms: given.ms };
        return echo(conn, "will close slowly");
      case "close":
        return conn.close(given.code, given.reason);
      case "fail":
        throw new Error("as ordered");
      default:
        return echo(conn, message);
    }
  },
  async onClose(conn, reason) {
    log(conn, `close: ${shown(reason)}`);
    const { text, close_ms } = kept(conn);
    if (close_ms > 0) {
      conn.state = { text, close_ms: 0 };
      await sleep(close_ms);
    }
    log(conn, "closed");
  },
};

const { SockJs, worker } = sockjs({ "/trouble": trouble });
export { SockJs };

export default class extends WorkerEntrypoint {
  override fetch(request: Request) {
    return worker.fetch(request, this.env, this.ctx as ExecutionContext);
  }
}
