// The types of sockjs-edge/testing.

import type { CloseReason, Handler, Room, Transport } from "./index.js";

/** What a client of a test says of itself. */
export interface ClientOptions {
  transport?: Transport;
  params?: Record<string, string>;
  query?: string;
  headers?: Record<string, string>;
  remoteAddress?: string;
  claims?: unknown;
}

/** A client of a test. */
export interface TestClient {
  readonly id: string;
  /** Messages that it received, the oldest first. */
  readonly received: string[];
  /** How it was closed, once it is. */
  readonly closed: { code: number; reason: string } | undefined;
  /** Sends a message, and waits until the handler has returned. */
  send(message: string): Promise<void>;
  /** Takes the oldest message that it received. */
  next(): string | undefined;
  /** Leaves, and waits until `onClose` has returned. */
  leave(code?: number, reason?: string): Promise<void>;
}

/** A room in memory, in which a service runs without a server. */
export declare class TestRoom {
  constructor(service: Handler, options?: { env?: unknown; prefix?: string; params?: Record<string, string> });
  readonly room: Room;
  /** Errors that the service threw: each closed its connection with 1011. */
  readonly errors: unknown[];
  /** Opens a connection, and waits until `onOpen` has returned. */
  connect(options?: ClientOptions): Promise<TestClient>;
  /** Asks `onCall`. */
  call(question: unknown): Promise<any>;
  /** Makes the alarm due, if one is set, and waits until `onAlarm` has returned. False if none is set. */
  alarm(): Promise<boolean>;
  /** Ends the instance of the object and starts another one, as a deploy does. `held` says which clients come back. Default: all. */
  restart(options?: { held?: (client: TestClient) => boolean }): Promise<void>;
}

export type { CloseReason };
