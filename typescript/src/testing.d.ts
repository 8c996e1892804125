// The types of sockjs-edge/testing.

import type { CloseReason, Handler, Room, Transport } from "./index.js";

/** Request data of a test client. */
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
  /** Messages that the client received, the oldest first. */
  readonly received: string[];
  /** Code and reason of the close, once the connection is closed. */
  readonly closed: { code: number; reason: string } | undefined;
  /** Sends a message, and waits until the handler has returned. */
  send(message: string): Promise<void>;
  /** Takes the oldest received message. */
  next(): string | undefined;
  /** Leaves, and waits until `onClose` has returned. */
  leave(code?: number, reason?: string): Promise<void>;
}

/** A room in memory, in which a service runs without a server. */
export declare class TestRoom {
  constructor(service: Handler, options?: { env?: unknown; prefix?: string; params?: Record<string, string> });
  readonly room: Room;
  /** Errors that the service threw. Each closed its connection with 1011. */
  readonly errors: unknown[];
  /** Opens a connection, and waits until `onOpen` has returned. */
  connect(options?: ClientOptions): Promise<TestClient>;
  /** Calls `onCall`. */
  call(question: unknown): Promise<any>;
  /** Makes the alarm due, if one is set, and waits until `onAlarm` has returned. Resolves to false if none is set. */
  alarm(): Promise<boolean>;
  /** Restarts the object, as a deploy does. `held` selects the clients that come back. Default: all. */
  restart(options?: { held?: (client: TestClient) => boolean }): Promise<void>;
}

export type { CloseReason };
