// The types of the npm package sockjs-edge. They need the types of the runtime: @cloudflare/workers-types, or the output of
// `wrangler types`.

import type { Options, Transport } from "./options.js";

export type { Options, Transport } from "./options.js";

/** The end of a connection. `code` and `reason` come from the client or the application. */
export type CloseReason =
  | { kind: "client" | "application" | "violation"; code: number; reason: string }
  | { kind: "interrupted" | "timed_out" | "lost" | "handler_failed" | "too_slow" | "stalled" | "silent" };

/** A client's connection. It is the same JavaScript object as long as the instance of its Durable Object lives. */
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
  /** Query of that request, without the question mark. With `tickets` it lacks the page's query. */
  readonly query: string;
  /** Headers of that request that are on sockjs-node's list. Never cookies. */
  readonly headers: Readonly<Record<string, string>>;
  /** Address for `push(env).connection()`. */
  readonly address: string | undefined;
  /** The client's IP address, as seen by Cloudflare. */
  readonly remoteAddress: string | undefined;
  /** Claims that `onRequest` gave the client. */
  readonly claims: any;
  /** 1: open, 2: closing, 3: closed. */
  readonly readyState: 1 | 2 | 3;
  /** Bytes that wait for the client. */
  readonly bufferedAmount: number;
  /** True if `ready` would wait. */
  readonly isBehind: boolean;
  /** Groups that the connection joined. */
  readonly groups: string[];
  readonly room: Room;
  /**
   * The application's state of the connection, as JSON of at most 4 KiB together with the names of its groups. It survives
   * hibernation. For sessions over HTTP and WebSockets that the Worker holds, it also survives restarts. Always assign the whole
   * state: the value that you read is frozen. Undefined until it is set.
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
   * Waits until at most half of `queue_limit` waits for the client.
   *
   * @throws {SendError} `closed`
   */
  ready(): Promise<void>;
  /**
   * Closes the connection after all sent messages. Default: 1000, "Normal closure".
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

/** Connections that receive broadcasts together. */
export interface Members {
  /** Number of open connections. */
  readonly count: number;
  /** Sends a message to all of them, and returns their number. */
  broadcast(message: string, options?: { except?: Connection }): number;
  /** Iterates over the open connections. */
  connections(): IterableIterator<Connection>;
}

/** A group of a room. */
export interface Group extends Members {
  readonly name: string;
}

/** All connections of a room, across all of its objects. */
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
  /** Prefix with the values of its parameters. */
  readonly name: string;
  /** Storage of the object: keys and values, and SQLite. Names that begin with `sockjs_` belong to the server. */
  readonly storage: DurableObjectStorage;
  /** All connections of the room, across all of its objects. */
  readonly all: AllShards;
  /** Returns the open connection with this id. */
  connection(id: string): Connection | undefined;
  to(group: string): Group;
  /** Waits until no member is behind. Await it before each broadcast of a loop. */
  ready(): Promise<void>;
  /** Schedules `onAlarm` to run after `delay` milliseconds, replacing any pending alarm. */
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
  /** Returns a cookie by its name. */
  cookie(name: string): string | undefined;
}

/**
 * The decision of `onRequest`: true admits the request, with `claims` if there are any; false refuses it with 403, and a Response
 * refuses it with that response. Undefined leaves the decision to the service's options.
 */
export type Admission = boolean | Response | { claims: unknown } | undefined | void;

/** The events of a service in one object. Each may return a promise. A thrown error closes its connection with 1011. */
export interface Events {
  /** Called when the object woke up or started. The other events wait until it returns. */
  onStart?(room: Room): void | Promise<void>;
  /** Called when a connection was opened. */
  onOpen?(conn: Connection): void | Promise<void>;
  /** Called when a WebSocket that the Worker holds came back after a restart of the object. */
  onReturn?(conn: Connection): void | Promise<void>;
  /** Called when no further connection can come back. */
  onReturned?(room: Room): void | Promise<void>;
  /** Called when the client sent a message. The next message waits until it returns. */
  onMessage?(conn: Connection, message: string): void | Promise<void>;
  /** Called when a connection is over. */
  onClose?(conn: Connection, reason: CloseReason): void | Promise<void>;
  /** Called when the alarm of `room.setAlarm` is due. */
  onAlarm?(room: Room): void | Promise<void>;
  /** Answers a call from outside. Throw `CallRejected` for a mistake of the caller. */
  onCall?(room: Room, question: any): unknown;
}

/** A service: its options and its events. */
export interface Handler extends Events {
  options?: Options;
  /** Decides about a request, in the Worker, before any object is involved. */
  onRequest?(request: RequestInfo, env: any): Admission | Promise<Admission>;
  /** Creates the events of one object, which can share variables. Without it, the functions of this object are called. */
  create?(env: any): Events;
}

/** Options of the whole Worker, and options that all services share. */
export interface WorkerOptions extends Options {
  /** Name of the binding of the class. Default: `SOCKJS`. */
  binding?: string;
  /** Name of the secret with the ticket keys. Default: `SOCKJS_TICKET_KEYS`. */
  ticket_keys?: string;
  /** Answers every request under no service's prefix. */
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

/** Returns true if the path of a request is at or below the prefix of a service. */
export declare function handles(request: Request, env: unknown): boolean;

/** Answers a request with the counters, if the request has one of the tokens. */
export declare function metrics(request: Request, env: unknown, tokens: string[]): Promise<Response>;

/** A connection in a list. */
export interface RemoteInfo {
  address: string;
  transport: Transport;
  /** Time at which it was opened, in milliseconds since 1970. */
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
  /** Returns a page of the connections. `after` is `next` of the page before. */
  connections(page?: { after?: string; limit?: number }): Promise<{ connections: RemoteInfo[]; next: string | undefined }>;
  /** Calls `onCall` of the room. */
  call<Answer = any>(question: unknown): Promise<Answer>;
}

/** A connection from outside of its object. */
export interface RemoteConnection {
  /** Sends a message. Resolves to false if the connection is over. */
  send(message: string): Promise<boolean>;
  close(code?: number, reason?: string): Promise<boolean>;
}

/** Access to rooms and connections from a route, a cron trigger or a queue consumer. */
export interface Push {
  /**
   * @param path the prefix with values of its parameters, escaped as in a URL
   * @throws {PushError} `no_room`
   */
  room(path: string): RemoteRoom;
  /** @throws {PushError} `no_address` */
  connection(address: string): RemoteConnection;
  /** Answers a request that has one of the tokens. */
  serve(request: Request, tokens: string[]): Promise<Response>;
}

export declare function push(env: unknown): Push;

/** Base class of all errors of the package. `kind` identifies the problem. */
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
/** A handle that belongs to an earlier instance of the object. */
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
/** A push that some objects of a room did not take. The other objects have it. */
export declare class ShardsError extends SockJsError {
  /** Connections that were reached. */
  readonly reached: number;
  readonly failures: { object: string; problem: string }[];
}
/** Thrown by `onCall` for a mistake of the caller. */
export declare class CallRejected extends SockJsError {
  constructor(message: string);
}

/** A listener of an event. */
type Listener = (...given: any[]) => void;

/** The methods of Node's EventEmitter. */
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

/**
 * A connection with sockjs-node's interface: a stream of strings. It ends with its connection, and with the instance of its object: the
 * next instance emits "connection" with another stream.
 */
export interface ConnectionStream extends Emitter {
  readonly id: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly url: string;
  readonly pathname: string;
  readonly prefix: string;
  readonly protocol: Transport;
  readonly readyState: 1 | 2 | 3;
  readonly remoteAddress: string | undefined;
  /** Unknown in a Worker. */
  readonly remotePort: undefined;
  /** Unknown in a Worker. */
  readonly address: undefined;
  readable: boolean;
  writable: boolean;
  /** True if the connection was opened before this instance of the object started. */
  readonly resumed: boolean;
  /** The connection of the native API. */
  readonly native: Connection;
  /** Sends a message. Returns false if the application should wait for "drain". */
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
   * True if the object may be evicted from memory while connections are idle. "connection" is then emitted again after each wake,
   * with `resumed`. Default: false; the object stays in memory, and is billed, while anybody is connected.
   */
  hibernate?: boolean;
  /** Log level. sockjs-node's function is not called. */
  log?: Options["log"] | ((severity: string, line: string) => void);
}

/** A server with sockjs-node's interface. */
export interface Server extends Emitter {
  /** Serves connections. A Worker has no http server to install on: omit that argument, or pass null. */
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
