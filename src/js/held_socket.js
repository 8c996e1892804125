// A client's WebSocket that the Worker holds, and the inner WebSocket to its object. This is plain JavaScript, so that messages
// need no calls into wasm, and so that the WebSocket outlives a reset of the wasm instance. Each socket, timer and promise here
// belongs to a single client, since the runtime (workerd 1.20261117) forbids I/O for one client in another one's event.
// Everything is in one file, since wasm-bindgen supports no imports between the files that it copies.
//
// The client's messages are numbered from 1, and kept until the object has handled them. When the inner WebSocket breaks, the
// client is attached to the object again, and the messages that the object did not receive are sent again. The formats are those
// of the crate sockjs-protocol, inner/envelope/held.rs.

/** Bytes taken by the client after which they are acknowledged to the object at once; half of its window. */
const ACK_BYTES = 32 << 10;
/** Longest delay of an acknowledgement of fewer bytes. */
const ACK_AFTER_MS = 1_000;
/** Bytes sent after which the runtime is asked for the bytes that the client has not taken. */
const LOOK_BYTES = 16 << 10;
/** Pause between two such checks. */
const LOOK_MS = 50;
/** The stall timeout grows by a second for this many bytes of the largest message. */
const SLOW_BYTES_PER_MS = 8_192 / 1_000;
/** Time after which the object is asked about messages that it has not handled: a new instance of it may not have them. */
const ASK_AFTER_MS = 2_000;
/** Shortest pause before an attempt to attach again; `AFTER_LOSS` in src/object/stub.rs says why. */
const AFTER_LOSS_MS = 10;
/** Longer pauses: each adds a random part of a value that doubles from the first to the last. */
const FIRST_PAUSE_MS = 10;
const LAST_PAUSE_MS = 2_000;
/** Number of times that the object may be lost without handling a message: one of the messages may be what breaks it. */
const FRUITLESS_MAX = 8;
/** Some clients lose a close frame that is in the same packet as the handshake. */
const CLOSE_AFTER_OPEN_MS = 5;
/** Limit of the memory for unhandled messages of all clients of an isolate. */
const ISOLATE_LIMIT = 32 << 20;

const NORMAL = 1000;
const UNSUPPORTED = 1003;
const ABNORMAL = 1006;
const INTERNAL_ERROR = 1011;
const RESTART = 1012;
const TRY_AGAIN = 1013;
const NO_RESPONSE = 3000;

const STOPPING = "the server restarts";
const TOO_MANY = "Too many messages wait";

/** Matches a string that V8 stores with two bytes a character. For other strings V8 knows without a scan that nothing matches. */
const IS_WIDE = /[^\0-\xff]/;
/** Returns the memory that a message takes, in bytes. */
const sizeOf = (text) => 64 + (IS_WIDE.test(text) ? 2 : 1) * text.length;

const utf8 = new TextEncoder();
/** Returns the bytes of a frame on the wire. The object's window and the runtime's buffer are counted in the same unit. */
const bytesOf = (frame) => (IS_WIDE.test(frame) ? utf8.encode(frame).length : frame.length);

/** Bytes of the messages that all connections of the isolate keep. */
let isolateBytes = 0;
/** The connections that keep messages. */
const keepers = new Set();

/**
 * Holds a client's WebSocket.
 *
 * @param {WebSocket} client the Worker's end, not accepted yet
 * @param {WebSocket} inner the end to the object, not accepted yet
 * @param {object} options
 * @param {boolean} options.isRaw
 * @param {number} options.inboxLimit in bytes
 * @param {number} options.stallTimeoutMs
 * @param {number} options.reattachTimeoutMs
 * @param {number} options.attachMs longest time for one attempt to attach again: a wasm instance that was reset never answers
 * @param {string} [options.linkQuestion] question on inner WebSockets, on a node of a cluster
 * @param {string} [options.linkAnswer] the answer to it
 * @param {number} [options.heartbeatMs] if the Worker writes the heartbeats
 * @param {string} [options.livenessMessage] the message by which a client shows that it is alive
 * @param {string} [options.livenessAnswer]
 * @param {number} [options.silenceTimeoutMs]
 * @param {boolean} [options.isLivenessRequired] true if clients that never sent it are closed, too
 * @param {(known: Array) => Promise<[WebSocket, number] | undefined | null>} attach attaches again. It receives the number of the
 *   last frame that arrived, the number of the last handled message, whether there was one, state, groups, close code and reason.
 *   It returns the inner WebSocket and the number of the last message that the object received; undefined if the connection is
 *   over; null if a later attempt may succeed.
 * @param {{ waitUntil: (promise: Promise) => void }} invocation that ends when its client leaves, unless it waits for a promise
 */
export const hold = (client, inner, options, attach, invocation) =>
  new HeldSocket(client, options, attach, invocation).start(inner);

/** Returns the result of `promise`, or an error after `ms`. */
function within(promise, ms) {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error("no answer in time")), ms);
    Promise.resolve(promise).then(resolve, reject).finally(() => clearTimeout(limit));
  });
}

/** Exported for its tests. */
export class HeldSocket {
  #client;
  #options;
  #attach;
  #invocation;
  #inner;
  /** A promise that resolves at the end of the attempts to attach again. */
  #attaching;
  #openedAt = Date.now();
  /** Code and reason with which the client's WebSocket ended, or is about to. */
  #end;

  /** The client's messages that are not handled; the first has the number `#handled + 1`. */
  #kept = [];
  #handled = 0;
  #keptBytes = 0;
  /** Number of these that were sent to the object on this inner WebSocket. */
  #sent = 0;
  /** Number of times that the object was lost while it had messages, since it last handled one. */
  #fruitless = 0;
  #askTimer;
  #flushes = false;
  /** Number of messages in the last batch of a turn. If it is 1, a message does not wait for others. */
  #lastBatch = 1;
  /** Number of messages that were sent at once while others were in flight. After some of them a timer is worthwhile. */
  #alone = 0;

  /** Numbers of the last frame from the object, and of the last one that the client took. */
  #received = undefined;
  #taken = undefined;
  #told = undefined;
  /** Number and bytes of each frame that was sent and not taken. */
  #untaken = [];
  #untakenBytes = 0;
  /** Bytes sent since the runtime was asked last. */
  #unseenBytes = 0;
  #untoldBytes = 0;
  #ackTimer;
  #lookTimer;
  #buffered = 0;
  #largest = 0;
  #progressAt = 0;

  #state;
  #groups;
  #heard = false;
  /** Code and reason of a violation that is detected here. The object is notified until it closes the WebSocket. */
  #violation;
  /** True if messages were dropped in another client's event, and the object was not notified yet. */
  #isToTell = false;

  /** Times of the last frame to the client, of its last message, and of its last sign of life. */
  #lastOut = Date.now();
  #lastWord = this.#lastOut;
  #lastLife = this.#lastOut;
  /** Time of the last heartbeat that asked for a sign of life. */
  #lastAsked = this.#lastOut;
  /** True if the client is closed when it is silent. */
  #isJudged = false;
  #beatTimer;
  /** Ends the wait for the drain of this node, where there is a node. */
  #release;

  constructor(client, options, attach, invocation) {
    this.#client = client;
    this.#options = options;
    this.#attach = attach;
    this.#invocation = invocation;
  }

  start(inner) {
    const guarded = (listener) => this.#guarded(listener);
    this.#client.addEventListener("message", guarded(({ data }) => this.#onMessage(data)));
    this.#client.addEventListener("close", guarded(({ code, reason }) => this.#onClientEnd(code, reason)));
    this.#client.addEventListener("error", guarded(() => this.#onClientEnd(ABNORMAL, "")));
    this.#client.accept();
    this.#release = globalThis.sockjsEdgeNode?.hold(guarded(() => this.#onDrain()));
    this.#use(inner);
    this.#isJudged = this.#options.isLivenessRequired;
    this.#planBeat();
    return this;
  }

  #guarded(listener) {
    return (event) => {
      try {
        this.#tellDropped();
        listener(event);
      } catch (error) {
        console.error(error);
        this.#close(RESTART, "the server failed");
      }
    };
  }

  // The client's messages.

  #onMessage(data) {
    if (this.#end || this.#violation) return;
    if (typeof data !== "string") return this.#violated(UNSUPPORTED, "Binary messages are not supported");
    const { livenessMessage } = this.#options;
    if (livenessMessage !== undefined) {
      this.#lastWord = this.#lastLife = Date.now();
      if (data === livenessMessage) return this.#onBeat();
    }
    const bytes = sizeOf(data);
    const isMuch = this.#kept.length > 0 && this.#keptBytes + bytes > this.#options.inboxLimit;
    if (isMuch || !this.#makeRoom(bytes)) return this.#violated(TRY_AGAIN, TOO_MANY);
    this.#heard = true;
    this.#kept.push(data);
    this.#count(bytes);
    if (!this.#inner || this.#flushes) return;
    // A single message in flight must not wait for a timer. Several messages of one turn go in one batch.
    const isAlone = this.#lastBatch <= 1 && this.#sent === 0;
    if (isAlone || (this.#lastBatch <= 1 && ++this.#alone < 3)) return this.#flush();
    this.#alone = 0;
    this.#flushes = true;
    setTimeout(() => {
      this.#flushes = false;
      this.#tellDropped();
      if (!this.#inner) return;
      this.#lastBatch = this.#kept.length - this.#sent;
      this.#flush();
    }, 0);
  }

  /** Sends the messages that the object does not have. */
  #flush() {
    const count = this.#kept.length - this.#sent;
    if (count === 0) return;
    const texts = count === this.#kept.length ? this.#kept : this.#kept.slice(this.#sent);
    let lengths = "";
    for (const text of texts) lengths += `,${text.length}`;
    const first = this.#handled + this.#sent + 1;
    this.#sent = this.#kept.length;
    this.#planToAsk();
    this.#tell(`m${this.#handled},${first},${this.#ack()}${lengths}\n${count === 1 ? texts[0] : texts.join("")}`);
  }

  #planToAsk() {
    const before = this.#handled;
    this.#askTimer ??= setTimeout(() => {
      this.#askTimer = undefined;
      this.#tellDropped();
      if (!this.#inner || this.#sent === 0) return;
      // A batch without messages: if the object missed earlier messages, it has this WebSocket attached again.
      if (this.#handled === before) this.#tell(`m${this.#handled},${this.#handled + this.#sent + 1},${this.#ack()}\n`);
      this.#planToAsk();
    }, ASK_AFTER_MS);
  }

  #onHandled(number) {
    const count = Math.min(number - this.#handled, this.#kept.length);
    if (count <= 0) return;
    let bytes = 0;
    const done = count === this.#kept.length ? this.#kept : this.#kept.slice(0, count);
    for (const text of done) bytes += sizeOf(text);
    this.#fruitless = 0;
    this.#kept = count === this.#kept.length ? [] : this.#kept.slice(count);
    this.#handled += count;
    this.#sent = Math.max(0, this.#sent - count);
    this.#count(-bytes);
  }

  /** Adds bytes, which may be negative, to those that the connection keeps. */
  #count(bytes) {
    this.#keptBytes += bytes;
    isolateBytes += bytes;
    if (this.#keptBytes > 0) keepers.add(this);
    else keepers.delete(this);
  }

  /**
   * Makes room in the isolate for a message of this client. Connections that are about to be closed give way first, then those
   * that keep most. Returns false if no other connection keeps more than this one would.
   */
  #makeRoom(bytes) {
    while (isolateBytes + bytes > ISOLATE_LIMIT) {
      let fullest;
      let most = this.#keptBytes + bytes;
      for (const keeper of keepers) {
        const bytes = keeper.#violation ? Infinity : keeper.#keptBytes;
        if (bytes <= most) continue;
        fullest = keeper;
        most = bytes;
      }
      if (!fullest) return false;
      fullest.#drop();
    }
    return true;
  }

  /** Drops the messages, in another client's event. An event or timer of this connection notifies the object within seconds. */
  #drop() {
    this.#forget();
    const why = { code: TRY_AGAIN, reason: TOO_MANY };
    if (this.#end) this.#end = why; // the client left, and the object is not attached again yet
    if (this.#end || this.#violation) return;
    this.#violation = why;
    this.#isToTell = true;
  }

  /** Drops the messages that are kept. */
  #forget() {
    this.#count(-this.#keptBytes);
    this.#kept = [];
    this.#sent = 0;
  }

  /** Notifies the object that messages were dropped, unless it knows. */
  #tellDropped() {
    if (this.#isToTell && this.#inner && !this.#end) this.#tellViolation();
  }

  #tellViolation() {
    this.#isToTell = false;
    this.#tell(`v${this.#violation.code},${this.#violation.reason}`);
  }

  #violated(code, reason) {
    this.#violation = { code, reason };
    if (!this.#inner) return; // the object is notified when it is attached again
    this.#flush();
    this.#tellViolation();
  }

  // Heartbeats, and silent clients.

  /** Handles a sign of life from the client. */
  #onBeat() {
    if (!this.#isJudged) {
      this.#isJudged = true;
      this.#planBeat();
    }
    this.#client.send(this.#options.livenessAnswer);
  }

  /** Returns the time of the next heartbeat. A client that has to show signs of life is asked even if other frames are sent. */
  #beatAt() {
    const { heartbeatMs, livenessMessage } = this.#options;
    if (heartbeatMs === undefined) return Infinity;
    return heartbeatMs + (livenessMessage === undefined ? this.#lastOut : Math.max(this.#lastWord, this.#lastAsked));
  }

  #silentAt() {
    return this.#isJudged ? this.#lastLife + this.#options.silenceTimeoutMs : Infinity;
  }

  #planBeat() {
    clearTimeout(this.#beatTimer);
    const at = Math.min(this.#beatAt(), this.#silentAt());
    if (at === Infinity) return;
    this.#beatTimer = setTimeout(() => this.#beat(), Math.max(0, at - Date.now()));
  }

  #beat() {
    if (this.#end) return;
    const now = Date.now();
    if (this.#silentAt() <= now) {
      this.#tell("l");
      return this.#close(NO_RESPONSE, "No response from heartbeat");
    }
    if (this.#beatAt() <= now) {
      this.#client.send("h");
      this.#lastOut = this.#lastAsked = now;
    }
    this.#planBeat();
  }

  // The inner WebSocket.

  #use(inner, received = 0) {
    this.#inner = inner;
    this.#sent = Math.min(Math.max(0, received - this.#handled), this.#kept.length);
    const { linkQuestion, linkAnswer } = this.#options;
    // First: the answers to the question must not reach the other listeners.
    if (linkQuestion !== undefined) globalThis.sockjsEdgeNode.watch(inner, linkQuestion, linkAnswer);
    // Events of a replaced socket are ignored.
    const guarded = (listener) => this.#guarded((event) => this.#inner === inner && listener(event));
    inner.addEventListener("message", guarded(({ data }) => this.#onInner(data)));
    inner.addEventListener("close", guarded(() => this.#onLost()));
    inner.addEventListener("error", guarded(() => this.#onLost()));
    inner.accept();
    this.#flush();
    // Also if the object received everything before it was lost.
    if (this.#sent > 0) this.#planToAsk();
    if (this.#violation && !this.#end) this.#tellViolation();
  }

  #tell(message) {
    try {
      this.#inner?.send(message);
    } catch {
      // The close event follows, or was handled already.
      this.#onLost();
    }
  }

  #onInner(data) {
    switch (data[0]) {
      case "f": {
        const line = data.indexOf("\n");
        const [seq, handled, end] = data.slice(1, line).split(",");
        if (handled) this.#onHandled(Number(handled));
        return this.#onFrame(seq, data.slice(line + 1), end === "1");
      }
      case "d":
        return this.#onHandled(Number(data.slice(1)));
      case "s":
        this.#state = data.slice(1);
        return;
      case "g":
        this.#groups = data.slice(1);
        return;
      case "c": {
        const comma = data.indexOf(",");
        const [code, reason] = [Number(data.slice(1, comma)), data.slice(comma + 1)];
        return this.#close(code, reason);
      }
      case "q": {
        const held = this.#untaken.map(({ seq, bytes }) => `,${seq}:${bytes}`).join("");
        return this.#tell(`w${this.#taken ?? ""}${held}`);
      }
      default:
        this.#close(RESTART, "unknown message");
    }
  }

  #onLost() {
    const inner = this.#inner;
    this.#inner = undefined;
    try {
      inner?.close(NORMAL, "");
    } catch {
      // The socket was closed already.
    }
    if (this.#end) return;
    if (this.#sent > 0) this.#fruitless += 1;
    this.#attaching = this.#attachAgain();
    if (this.#fruitless > FRUITLESS_MAX) this.#close(INTERNAL_ERROR, "Handler failed");
  }

  async #attachAgain() {
    const until = Date.now() + this.#options.reattachTimeoutMs;
    for (let pause = Math.min(FIRST_PAUSE_MS * 2 ** this.#fruitless, LAST_PAUSE_MS); ; pause = Math.min(2 * pause, LAST_PAUSE_MS)) {
      await new Promise((resolve) => setTimeout(resolve, AFTER_LOSS_MS + Math.random() * pause));
      const isOver = this.#end;
      const { code, reason } = this.#end ?? {};
      const known = [this.#received, this.#handled, this.#heard, this.#state, this.#groups, code, reason];
      let answer;
      try {
        answer = this.#attach(known);
      } catch (error) {
        // The wasm instance that could attach was reset.
        console.warn(error);
        this.#leave();
        return this.#close(RESTART, "the server failed");
      }
      try {
        const attached = await within(answer, this.#options.attachMs);
        if (attached === undefined) {
          this.#leave();
          return this.#close(RESTART, "the connection is over");
        }
        if (!attached) throw new Error("the object could not be attached");
        this.#use(...attached);
        if (this.#end && !isOver) this.#tell(`x${this.#end.code},${this.#end.reason}`);
        if (this.#end) this.#leave();
        return;
      } catch (error) {
        if (Date.now() < until) continue;
        console.warn(error);
        this.#leave();
        return this.#close(RESTART, "the object cannot be reached");
      }
    }
  }

  // Frames to the client.

  #onFrame(seq, frame, isEnd) {
    if (this.#end) return;
    this.#lastOut = Date.now();
    if (seq !== "") {
      const number = Number(seq);
      if (number <= this.#received) return; // the frame was written before
      this.#received = number;
    }
    if (this.#options.isRaw) {
      if (isEnd) return this.#close(...JSON.parse(frame.slice(1)));
      if (frame[0] === "a") for (const message of JSON.parse(frame.slice(1))) this.#client.send(message);
    } else {
      this.#client.send(frame);
    }
    if (seq !== "") this.#wrote(Number(seq), bytesOf(frame));
    if (isEnd) this.#close(NORMAL, "Normal closure");
  }

  #wrote(seq, bytes) {
    this.#untaken.push({ seq, bytes });
    this.#untakenBytes += bytes;
    this.#unseenBytes += bytes;
    if (bytes > this.#largest) this.#largest = bytes;
    // Asking costs as much as sending.
    if (this.#unseenBytes >= LOOK_BYTES) return this.#look();
    this.#lookTimer ??= setTimeout(() => {
      this.#lookTimer = undefined;
      this.#look();
    }, LOOK_MS);
  }

  /** Checks how much the client has taken. */
  #look() {
    if (this.#end) return;
    // Older runtimes (workerd before 1.20261117.1) do not have it.
    const buffered = this.#client.bufferedAmount ?? 0;
    const now = Date.now();
    this.#unseenBytes = 0;
    // The object's window bounds what is sent: a client that reads lowers the buffered amount, or lets the object send more.
    if (this.#buffered === 0 || buffered < this.#buffered) this.#progressAt = now;
    // Bytes that the kernel takes at once prove nothing: it also takes them for a client that is gone.
    if (buffered < this.#buffered) this.#lastLife = now;
    this.#buffered = buffered;
    while (this.#untaken.length > 0 && this.#untakenBytes - this.#untaken[0].bytes >= buffered) {
      const { seq, bytes } = this.#untaken.shift();
      this.#untakenBytes -= bytes;
      // More may have been sent meanwhile than the client took.
      this.#progressAt = now;
      this.#took(seq, bytes);
    }
    if (buffered === 0) return this.#tookAll();
    if (now - this.#progressAt > this.#options.stallTimeoutMs + this.#largest / SLOW_BYTES_PER_MS) {
      this.#tell("t");
      return this.#close(TRY_AGAIN, "Stalled");
    }
    this.#lookTimer ??= setTimeout(() => {
      this.#lookTimer = undefined;
      this.#look();
    }, LOOK_MS);
  }

  #tookAll() {
    for (const { seq, bytes } of this.#untaken.splice(0)) this.#took(seq, bytes);
    this.#untakenBytes = 0;
    this.#largest = 0;
  }

  #took(seq, bytes) {
    this.#taken = seq;
    this.#untoldBytes += bytes;
    if (this.#untoldBytes >= ACK_BYTES) return this.#tellTaken();
    this.#ackTimer ??= setTimeout(() => this.#tellTaken(), ACK_AFTER_MS);
  }

  #tellTaken() {
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    const ack = this.#ack();
    if (ack !== "") this.#tell(`a${ack}`);
  }

  /** Acknowledges the frames that the client took, unless the object knows. */
  #ack() {
    if (this.#taken === this.#told || !this.#inner) return "";
    this.#untoldBytes = 0;
    this.#told = this.#taken;
    return this.#taken;
  }

  // The end.

  /** Lets the client go when the node is about to stop; the client connects to another node. */
  #onDrain() {
    if (this.#end) return;
    // Otherwise the object is notified when it is attached again.
    if (this.#inner) {
      this.#flush();
      this.#tell(`x${RESTART},${STOPPING}`);
    }
    this.#close(RESTART, STOPPING);
  }

  #onClientEnd(code, reason) {
    this.#reply(code, reason);
    if (this.#end) return this.#leave();
    this.#end = { code, reason };
    // The object is notified when it is attached again.
    if (!this.#inner) return this.#invocation.waitUntil(this.#attaching);
    this.#flush();
    this.#tell(`x${code},${reason}`);
    this.#leave();
  }

  #write(frame) {
    try {
      this.#client.send(frame);
    } catch {
      // The socket is closed already.
    }
  }

  /** Answers the client's close; some codes must not be sent. */
  #reply(code, reason) {
    const isForbidden = code === 1004 || code === ABNORMAL || code === 1015 || code < NORMAL || code > 4999;
    try {
      if (code === 1005) this.#client.close(NORMAL, "");
      else if (isForbidden) this.#client.close(1002, "");
      else this.#client.close(code, reason);
    } catch {
      // The socket is closed already.
    }
  }

  #close(code, reason) {
    if (this.#end) return;
    this.#end = { code, reason };
    if (!this.#inner) this.#invocation.waitUntil(this.#attaching);
    const close = () => {
      // Some libraries do not know these codes, and report them as 1002.
      if (!this.#options.isRaw && code >= RESTART && code <= 1014) this.#write(`c${JSON.stringify([code, reason])}`);
      this.#reply(code, reason);
      this.#leave();
    };
    const age = Date.now() - this.#openedAt;
    if (age < CLOSE_AFTER_OPEN_MS) setTimeout(close, CLOSE_AFTER_OPEN_MS);
    else close();
  }

  /** Releases everything that the connection holds. */
  #leave() {
    this.#release?.();
    clearTimeout(this.#ackTimer);
    clearTimeout(this.#lookTimer);
    clearTimeout(this.#beatTimer);
    clearTimeout(this.#askTimer);
    this.#forget();
    const inner = this.#inner;
    this.#inner = undefined;
    try {
      inner?.close(NORMAL, "");
    } catch {
      // The socket was lost.
    }
  }
}
