// The constants of the simulated platform and of the simulated design. Each names its source. `assumed` marks a figure that was
// not measured for this project: change it here and run again.

/** Members of one leaf. The leaf writes one frame to each of them for each batch of messages. */
export const MEMBERS_PER_LEAF = 1000;
/** Share of the members that a Worker serves over HTTP; they acknowledge frames. The others have WebSockets. Assumed. */
export const HTTP_SHARE = 0.02;
/** Bytes of one message, as JSON in its frame. Assumed: a line of chat. */
export const MESSAGE_BYTES = 200;
/**
 * Callers that publish at the same time. Each has one call in flight, and joins the messages that wait meanwhile into the next
 * one.
 */
export const SENDERS = 3;

/** Processor time of an object, in milliseconds. */
export const WORK = {
  /** One frame to one member: `npm run bench`, broadcast of 32 B to 1,000, November 2026: 32.3 ms for each broadcast. */
  memberFrame: 0.032,
  /** Additional time for each KiB of a frame. The frame is assembled once, so this is one copy. Assumed. */
  memberFrameKiB: 0.001,
  /** An incoming inner WebSocket message: the floor takes 62 µs for a message and its echo, at 1 × 64, 32 B. */
  message: 0.06,
  /** An outgoing inner WebSocket message: about as much as a frame to a member. */
  send: 0.03,
  /** An incoming request: a poll or send of the floor takes some 0.7 ms with its Worker, of which the object has about half. */
  request: 0.35,
  /** An outgoing request, with its response. Assumed. */
  outgoingRequest: 0.3,
  /** An SQL insert: 265 µs with storage on disk, less the message itself. */
  row: 0.2,
  /** The start of an object that hibernated or restarted, with the attachments of its WebSockets. Assumed. */
  start: 25,
};

/** Time until a row is durable and the output gate opens, in ms. A benchmark on the platform saw 10 to 13 (lumenize.com, 2026). */
export const COMMIT_MS = 12;

/** Latency between two objects, one direction, in ms. Objects live where their first client is. Assumed. */
export const NETWORK = {
  /** Share of the pairs of objects that are on different continents. */
  farShare: 0.4,
  far: { mean: 70, deviation: 20, least: 35 },
  /** Log-normal. */
  near: { median: 8, sigma: 0.6 },
  /** Added to each message, log-normal. */
  jitter: { median: 1, sigma: 1 },
};

/** Limits and behaviour of the platform. */
export const PLATFORM = {
  /**
   * Requests and WebSocket handshakes of one object that wait for response headers at the same time (Durable Objects: Limits;
   * cloudflare-docs pull request 31147). It is an open question whether calls of other objects count (cloudflare-docs issue
   * 22320).
   */
  outgoingAtOnce: 6,
  /** Time for which an object is away when it restarts, uniform, in ms. 20 to 50 locally; assumed for the platform. */
  restartMs: [200, 2000],
  /** Share of the restarts after which the other end of a WebSocket gets no close event, as after a `kill -9`. Assumed. */
  silentShare: 0.2,
  /** Share of the answers to publishers that are lost, so that the publisher repeats its call. Assumed. */
  lostAnswerShare: 0.01,
};

/** Choices of the design. */
export const DESIGN = {
  /** Children of the root and of each middle. */
  fanOut: 32,
  /** A relay sends at once if it did not send for this long. Otherwise it waits and joins entries. In ms. */
  gatherMs: 50,
  /** Messages and bytes that a relay keeps for children that come back. */
  logMessages: 2048,
  logBytes: 2 * 1024 * 1024,
  /** Bytes in flight to one child, not acknowledged. */
  windowBytes: 256 * 1024,
  /** A relay requests an acknowledgement after this time, this many messages or a quarter of the window. */
  askMs: 1000,
  askMessages: 256,
  /** A child that was asked and is silent for this long is connected again. */
  silenceMs: 5000,
  /** `room_patience`, in ms in any minute, and the reduction for each level below the root. */
  roomPatienceMs: 5000,
  patienceStepMs: 500,
  minuteMs: 60_000,
  /** Messages of one call. All senders together must not overrun the log. */
  callMessages: 256,
  /** A publisher gets the answer "try again" after this time. */
  publishWaitMs: 8000,
  /** Bytes of one frame to a member (`frame_limit`), and of the data that a leaf writes in one turn. */
  frameBytes: 4096,
  turnBytes: 64 * 1024,
  /** Shortest time between two reports of a changed count of members; each acknowledgement has it, too. */
  presenceMs: 10_000,
  /** Heartbeat of a leaf's members, at which the leaf is awake anyway. */
  heartbeatMs: 25_000,
  /** Acknowledgement of a member over HTTP: 1 s, or 32 KiB (docs/architecture.md). */
  memberAckMs: 1000,
  /** Time limits of an attempt to connect, and the longest pause before the next one. */
  openMs: 2000,
  /** Time for which a restarted middle waits for its children before it reports its number. */
  helloMs: 1200,
  backOffMs: 2000,
};
