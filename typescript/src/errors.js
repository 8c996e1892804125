// The errors that the package throws. Each has a `kind`, so that no program has to parse messages.

/** Base class of all errors of the package. */
export class SockJsError extends Error {
  /** @param {string} kind @param {string} message */
  constructor(kind, message) {
    super(message);
    this.name = new.target.name;
    this.kind = kind;
  }
}

/** A message that was not sent. */
export class SendError extends SockJsError {}
/** A close code or reason that cannot be sent. */
export class CloseError extends SockJsError {}
/** A state that was not stored. */
export class StateError extends SockJsError {}
/** A group that was not joined or left. */
export class GroupError extends SockJsError {}
/** A push that did not arrive. */
export class PushError extends SockJsError {}
/** A stale connection or room: its instance of the object is gone. */
export class StaleError extends SockJsError {}

/** A push that some objects of a room did not take. The other objects have it. */
export class ShardsError extends SockJsError {
  /** @param {number} reached @param {{ object: string, problem: string }[]} failures */
  constructor(message, reached, failures) {
    super("shards", message);
    this.reached = reached;
    this.failures = failures;
  }
}

/** Thrown by `onCall` for a mistake of the caller, who receives the message. */
export class CallRejected extends SockJsError {
  /** @param {string} message */
  constructor(message) {
    super("rejected", message);
    // A rejection from another room is not a rejection by this one.
    Object.defineProperty(this, "isCallRejected", { value: true });
  }
}

const CLASSES = { close: CloseError, state: StateError, group: GroupError, failed: SockJsError };

/** Returns the error of a kind that the WebAssembly names. The messages there are for Rust. */
export function errorOf(kind, message, detail) {
  if (kind === "no_room") return new PushError(kind, 'there is no room at this path: no service has it, or its placement is "session" and not "room" or "shards:8"');
  if (kind === "shards") {
    const [reached, failures] = detail ?? [0, []];
    return new ShardsError(message, reached, failures.map(([object, problem]) => ({ object, problem })));
  }
  return new (CLASSES[kind] ?? PushError)(kind, message);
}

// In the order of the numbers that ConnectionHandle::send returns.
const UNSENT = [
  undefined,
  ["closed", "the connection is closed"],
  ["queue_full", "the connection's queue is full: await conn.ready() before each message of a loop"],
  ["too_large", "the message is larger than queue_limit: send it in parts"],
  ["storage_failed", "storage did not take the message: try again later"],
];

/** Returns the error for a number from ConnectionHandle::send. */
export const sendErrorOf = (number) => new SendError(...UNSENT[number]);
