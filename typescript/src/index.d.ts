// The types of the npm package sockjs-edge. They need those of the runtime: @cloudflare/workers-types, or what `wrangler types` writes.

import type { Options, Transport } from "./options.js";

export type { Options, Transport } from "./options.js";

/** The end of a connection. `code` and `reason` are what the client or the application closed with. */
export type CloseReason =
  | { kind: "client" | "application" | "violation"; code: number; reason: string }
  | { kind: "interrupted" | "timed_out" | "lost" | "handler_failed" | "too_slow" | "stalled" | "silent" };

/** A client's connection. It is one object as long as the instance of its Durable Object lives. */
export interface Connection {
  /** Id that no other connection has. */
  readonly id: string;
  /** Session id that the client chose. Undefined for a raw WebSocket. */
  readonly sessionId: string | undefined;
  readonly transport: Transport;
  /** Prefix of the service, with the names of its parameters. */
  readonly prefix: string;
  /** Values of the prefix's parameters. */
  readonly params: Readonly<Record<string, string>>;
  /** Path of the request that opened the connection. */
  readonly pathname: string;
  /** Its query, without the question mark. */
  readonly query: string;
  /** Its headers that are on sockjs-node's list. Never cookies. */
  readonly headers: Readonly<Record<string, string>>;
  /** Address for `push(env).connection()`. */
  readonly address: string | undefined;
  /** The client's IP address, as Cloudflare saw it. */
  readonly remoteAddress: string | undefined;
  /** What `onRequest` gave the client. */
  readonly claims: any;
  /** 1: open, 2: closing, 3: closed. */
  readonly readyState: 1 | 2 | 3;
  /** Bytes that wait for the client. */
  readonly bufferedAmount: number;
  /** True if `ready` would wait. */
  readonly isBehind: boolean;
  /** Groups that it is in. */
  readonly groups: string[];
  readonly room: Room;
  /**
   * What the application keeps with the connection, as JSON of at most 4 KiB together with the names of its groups. It lasts through
   * hibernation and, for sessions over HTTP and WebSockets that the Worker holds, through restarts. Set it as a whole: what you read is
   * frozen. Undefined until it is set.
   */
  get state(): any;
  /** @throws {StateError} if it is too large, or the connection is over */
  set state(state: unknown);
  /**
   * Sends a message.
   *
   * @throws {SendError} `closed`, `queue_full`, `too_large`, `storage_failed`
   */
  send(message: string): void;
  /**
   * Waits until no more than half of `queue_limit` waits for the client.
   *
   * @throws {SendError} `closed`
   */
  ready(): Promise<void>;
  /**
   * Closes the connection after what was sent. Default: 1000, "Normal closure".
   *
   * @param code 1000, or 3000 to 4999
   * @param reason at most 123 bytes
   * @throws {CloseError}
   */
  close(code?: number, reason?: string): void;
  /** @throws {GroupError} */
  join(group: string): void;
  /** @throws {GroupError} */
  leave(group: string): void;
  isIn(group: string): boolean;
}

/** Connections that hear things together. */
export interface Members {
  /** Number of open connections. */
  readonly count: number;
  /** Sends a message to all, and returns their number. */
  broadcast(message: string, options?: { except?: Connection }): number;
  /** Goes through the open connections. */
  connections(): IterableIterator<Connection>;
}

/** A group of a room. */
export interface Group extends Members {
  readonly name: string;
}

/** All connections of a room, in whichever of its objects they are. */
export interface AllShards {
  to(group: string): AllShards;
  /** @throws {ShardsError} */
  broadcast(message: string): Promise<number>;
  /** @throws {ShardsError} */
  count(): Promise<number>;
  /** @throws {ShardsError} */
  close(code?: number, reason?: string): Promise<number>;
}

/** The connections of a service that share an object. */
export interface Room extends Members {
  /** Prefix of the service, with the names of its parameters. */
  readonly prefix: string;
  /** The same with their values. */
  readonly name: string;
  /** Storage of the object: keys and values, and SQLite. Names that begin with `sockjs_` are the server's. */
  readonly storage: DurableObjectStorage;
  /** All connections of the room, in all its objects. */
  readonly all: AllShards;
  /** The open connection with this id. */
  connection(id: string): Connection | undefined;
  to(group: string): Group;
  /** Waits until no member is behind. Await it before each broadcast of a loop. */
  ready(): Promise<void>;
  /** Has `onAlarm` run after so many milliseconds, in place of an alarm that was set before. */
  setAlarm(delay: number): void;
  clearAlarm(): void;
}

/** A request that `onRequest` decides about. */
export interface RequestInfo {
  readonly request: Request;
  readonly kind: "info" | "receive" | "websocket" | "send";
  readonly prefix: string;
  readonly params: Readonly<Record<string, string>>;
  readonly sessionId: string | undefined;
  readonly transport: Transport | undefined;
  readonly method: string;
  readonly headers: Headers;
  readonly url: URL;
  readonly pathname: string;
  readonly query: string;
  readonly origin: string | undefined;
  readonly remoteAddress: string | undefined;
  readonly cf: Request["cf"];
  /** A cookie by its name. */
  cookie(name: string): string | undefined;
}

/**
 * The decision of `onRequest`: true lets the request in, with `claims` if there are some; false refuses it with 403, and a Response
 * with that one. Undefined leaves the decision to the service's options.
 */
export type Admission = boolean | Response | { claims: unknown } | undefined | void;

/** The events of a service in one object. Each may return a promise. What it throws closes its connection with 1011. */
export interface Events {
  /** The object woke up, or started. The other events wait for its end. */
  onStart?(room: Room): void | Promise<void>;
  /** A connection was opened. */
  onOpen?(conn: Connection): void | Promise<void>;
  /** A WebSocket that the Worker holds came back after a restart of the object. */
  onReturn?(conn: Connection): void | Promise<void>;
  /** Everybody is back who comes back. */
  onReturned?(room: Room): void | Promise<void>;
  /** The client sent a message. The next one waits for the end of this. */
  onMessage?(conn: Connection, message: string): void | Promise<void>;
  /** A connection is over. */
  onClose?(conn: Connection, reason: CloseReason): void | Promise<void>;
  /** The alarm is due that `room.setAlarm` set. */
  onAlarm?(room: Room): void | Promise<void>;
  /** Somebody asks from outside. Throw `CallRejected` for what the caller got wrong. */
  onCall?(room: Room, question: any): unknown;
}

/** A service: its options, and what it does. */
export interface Handler extends Events {
  options?: Options;
  /** Decides about a request, in the Worker, before an object is touched. */
  onRequest?(request: RequestInfo, env: any): Admission | Promise<Admission>;
  /** Makes the events of one object, where they share variables. Without it, the functions of this object are called. */
  create?(env: any): Events;
}

/** Options of the whole Worker, and those that all services have in common. */
export interface WorkerOptions extends Options {
  /** Name of the binding of the class. Default: `SOCKJS`. */
  binding?: string;
  /** Name of the secret with the keys of tickets. Default: `SOCKJS_TICKET_KEYS`. */
  ticket_keys?: string;
  /** Answers every request that is below no service's prefix. */
  fetch?(request: Request, env: any, context: ExecutionContext): Response | Promise<Response>;
}

/** The class of the objects, for the module's exports. */
export declare const SockJs: { new (state: DurableObjectState, env: unknown): DurableObject };

/** The Worker: its fetch event. */
export declare const worker: { fetch(request: Request, env: any, context: ExecutionContext): Response | Promise<Response> };

/** Registers services, by their prefixes, such as `/chat/{room}`. Once for each prefix, when the module is loaded. */
export declare function sockjs(
  services: Record<string, Handler>,
  options?: WorkerOptions,
): { SockJs: typeof SockJs; worker: typeof worker; handles: typeof handles };

/** True if the path of a request is at or below the prefix of a service. */
export declare function handles(request: Request, env: unknown): boolean;

/** Answers a request with the counters, if it has one of the tokens. */
export declare function metrics(request: Request, env: unknown, tokens: string[]): Promise<Response>;

/** A connection of a list. */
export interface RemoteInfo {
  address: string;
  transport: Transport;
  /** When it was opened, in milliseconds since 1970. */
  opened: number;
  groups: string[];
  claims: any;
}

/** A room or group from outside of its objects. */
export interface RemoteRoom {
  to(group: string): RemoteRoom;
  broadcast(message: string): Promise<number>;
  close(code?: number, reason?: string): Promise<number>;
  count(): Promise<number>;
  /** A page of the connections. `after` is `next` of the page before. */
  connections(page?: { after?: string; limit?: number }): Promise<{ connections: RemoteInfo[]; next: string | undefined }>;
  /** Asks `onCall` of the room. */
  call<Answer = any>(question: unknown): Promise<Answer>;
}

/** A connection from outside of its object. */
export interface RemoteConnection {
  /** False if it is over. */
  send(message: string): Promise<boolean>;
  close(code?: number, reason?: string): Promise<boolean>;
}

/** The way to rooms and connections from a route, a cron or a queue. */
export interface Push {
  /** @throws {PushError} `no_room` */
  room(path: string): RemoteRoom;
  /** @throws {PushError} `no_address` */
  connection(address: string): RemoteConnection;
  /** Answers a request of a program that knows one of the tokens. */
  serve(request: Request, tokens: string[]): Promise<Response>;
}

export declare function push(env: unknown): Push;

/** Something that could not be done. `kind` says what. */
export declare class SockJsError extends Error {
  constructor(kind: string, message: string);
  readonly kind: string;
}
export declare class SendError extends SockJsError {
  readonly kind: "closed" | "queue_full" | "too_large" | "storage_failed";
}
export declare class CloseError extends SockJsError {}
export declare class StateError extends SockJsError {}
export declare class GroupError extends SockJsError {}
/** A handle of an instance of the object that is gone. */
export declare class StaleError extends SockJsError {}
export declare class PushError extends SockJsError {
  readonly kind:
    | "misconfigured"
    | "no_room"
    | "no_address"
    | "close"
    | "too_large"
    | "unavailable"
    | "rejected"
    | "handler_failed"
    | "timed_out"
    | "bad_answer";
}
/** Objects of a room that did not take something. The others have. */
export declare class ShardsError extends SockJsError {
  /** Connections that were reached. */
  readonly reached: number;
  readonly failures: { object: string; problem: string }[];
}
/** Thrown by `onCall` for what the caller got wrong. */
export declare class CallRejected extends SockJsError {
  constructor(message: string);
}

/** A listener of an event. */
type Listener = (...given: any[]) => void;

/** As Node's EventEmitter. */
interface Emitter {
  addListener(event: string, listener: Listener): this;
  prependListener(event: string, listener: Listener): this;
  removeListener(event: string, listener: Listener): this;
  off(event: string, listener: Listener): this;
  removeAllListeners(event?: string): this;
  emit(event: string, ...given: any[]): boolean;
  listeners(event: string): Listener[];
  listenerCount(event: string): number;
  eventNames(): string[];
  setMaxListeners(count: number): this;
}

/** A connection as sockjs-node has it: a stream of strings. */
export interface ConnectionStream extends Emitter {
  readonly id: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly url: string;
  readonly pathname: string;
  readonly prefix: string;
  readonly protocol: Transport;
  readonly readyState: 1 | 2 | 3;
  readonly remoteAddress: string | undefined;
  /** A Worker does not know it. */
  readonly remotePort: undefined;
  /** A Worker does not know it. */
  readonly address: undefined;
  readable: boolean;
  writable: boolean;
  /** True if the connection was there before this instance of the object. */
  readonly resumed: boolean;
  /** The connection as the native API has it. */
  readonly native: Connection;
  /** Sends a message. False if the application should wait for "drain". */
  write(message: string): boolean;
  end(message?: string): this;
  close(code?: number, reason?: string): boolean;
  destroy(): this;
  destroySoon(): void;
  pause(): this;
  resume(): this;
  isPaused(): boolean;
  setEncoding(encoding?: string): this;
  pipe<To extends { write(message: string): unknown; end(): unknown; once(event: string, listener: Listener): unknown }>(
    to: To,
    options?: { end?: boolean },
  ): To;
  unpipe(to?: unknown): this;
  on(event: "data", listener: (message: string) => void): this;
  on(event: "end" | "close" | "drain", listener: () => void): this;
  on(event: string, listener: Listener): this;
  once(event: "data", listener: (message: string) => void): this;
  once(event: "end" | "close" | "drain", listener: () => void): this;
  once(event: string, listener: Listener): this;
}

/** Options of sockjs-node, and `placement` and `hibernate`. */
export interface ServerOptions extends Omit<Options, "log"> {
  /** Path below which the connections are served. Default: the root. */
  prefix?: string;
  /**
   * True if the object may leave memory while connections are idle. "connection" is then emitted again after each wake, with
   * `resumed`. Default: false; the object stays in memory, and is billed, while anybody is connected.
   */
  hibernate?: boolean;
  /** Level of what is logged. sockjs-node's function is not called. */
  log?: Options["log"] | ((severity: string, line: string) => void);
}

/** A server as sockjs-node has it. */
export interface Server extends Emitter {
  /** Serves connections. There is no http server to install on: leave it out, or give null. */
  installHandlers(options?: ServerOptions): this;
  installHandlers(http_server: null | undefined, options?: ServerOptions): this;
  /** The class of the objects and the Worker, for the module's exports. */
  readonly exports: { SockJs: typeof SockJs; worker: typeof worker };
  on(event: "connection", listener: (conn: ConnectionStream) => void): this;
  on(event: string, listener: Listener): this;
  once(event: "connection", listener: (conn: ConnectionStream) => void): this;
  once(event: string, listener: Listener): this;
}

export declare function createServer(options?: ServerOptions): Server;

declare const all: typeof sockjs & { createServer: typeof createServer };
export default all;
