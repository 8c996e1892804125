// A client's WebSocket that the Worker pipes to a WebSocket of the upstream, without any object. It is plain JavaScript for the reasons
// of held_socket.js, and all of it is one file for the same reason. Each socket, timer and promise here belongs to one client alone.
//
// A raw client gets the upstream's own WebSocket, and nothing here sees its messages. A framed client's messages are taken out of their
// frames and put into frames here. Refusals, close codes and the circuit breaker are decided by the crate sockjs-protocol, which `decide`
// asks: a few times in the life of a connection, and for no message.

/** Bytes sent on a socket after which the runtime is asked how many the other side has not taken. */
const LOOK_BYTES = 16 << 10;
/** First and longest pause between two looks at what the other side has not taken. */
const LOOK_MS = 50;
const LOOK_MAX_MS = 1_000;
/** The time for a side that takes nothing grows by a second for each of these in the largest message. */
const SLOW_BYTES_PER_MS = 8_192 / 1_000;
/** A close in the packet of the handshake is lost on some clients. */
const CLOSE_AFTER_OPEN_MS = 5;
/** Time after which an upstream that took everything, and does not answer a close, is broken off. */
const CLOSE_ANSWER_MS = 5_000;
/** Memory of an isolate for what waits in pipes. */
const ISOLATE_LIMIT = 32 << 20;
/** Bytes that may wait in each direction of a pipe, however much waits in others. */
const FREE_BYTES = 64 << 10;
/** Longest time for which the bytes of a closed client count that neither reads nor goes. */
const CLOSED_MS = 600_000;
/** Bytes that a waiting message counts besides its string. */
const MESSAGE_COST = 64;

const NORMAL = 1000;
const UNSUPPORTED = 1003;
const ABNORMAL = 1006;
const POLICY_VIOLATION = 1008;
const TOO_LARGE = 1009;
const RESTART = 1012;
const TRY_AGAIN = 1013;
const BROKEN_FRAMING = 3000;

/** HTTP status for a client that left before there was an answer. Nobody gets it. */
const GONE = 503;

const STOPPING = "the server restarts";
const FAILED = "the server failed";
const TOO_MUCH = "Messages come faster than they are handled";

/** Bytes that wait in all pipes of the isolate, as far as they were counted. */
let isolateBytes = 0;
/** Outflows that are over, whose bytes still count. */
const leaving = new Set();

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Matches a string that V8 keeps in two bytes for each character. Of the others V8 knows without a look at them that none matches. */
const IS_WIDE = /[^\0-\xff]/;
/** Characters that old string handling of some browsers loses, beyond those that JSON escapes: `quote` in sockjs/frame.rs. */
const ESCAPED = /[\u200c-\u200f\u2028-\u202f\u2060-\u206f\ufff0-\uffff\ud800-\udfff]/g;
const escape = (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** Returns a message as a JSON string. */
export function quote(text) {
  const quoted = JSON.stringify(text);
  return IS_WIDE.test(text) ? quoted.replace(ESCAPED, escape) : quoted;
}

/** True if a string has more than `limit` bytes in UTF-8. No character has more than three for each of its units. */
function isLonger(text, limit) {
  if (text.length > limit) return true;
  return text.length * 3 > limit && utf8.encode(text).length > limit;
}

/**
 * Returns the messages of a framed WebSocket: of an array of strings, or of one bare string. Throws at anything else. Half a surrogate
 * pair becomes U+FFFD: the runtime would send bytes that are no UTF-8 (workerd 1.20261117).
 *
 * @param {string} data
 */
export function messagesOf(data) {
  if (data === "") return [];
  const value = JSON.parse(data);
  const messages = typeof value === "string" ? [value] : value;
  if (!Array.isArray(messages) || messages.some((message) => typeof message !== "string")) throw new Error("no array of strings");
  return messages.map((message) => message.toWellFormed());
}

/**
 * Pipes a client to the WebSocket of the upstream, and tells how the client's request is answered: by a response with status 101, or by
 * the HTTP status of a refusal.
 *
 * @param {Request} request of the client
 * @param {{ answer: Promise<object>, breakOff: () => void }} asking the request to the upstream, of upstream_request.js
 * @param {object} options
 * @param {boolean} options.isRaw
 * @param {number | undefined} options.openAfterMs time after which a framed client is open without an answer of the upstream
 * @param {number} options.inboxLimit bytes that may wait in each direction
 * @param {number} options.bodyLimit of one WebSocket message of the client
 * @param {number} options.messageLimit
 * @param {number | undefined} options.messagesPerBody
 * @param {number | undefined} options.messageRate messages that the client may send in a second
 * @param {number | undefined} options.firstMessageMs time within which the client has to send something
 * @param {number} options.stallTimeoutMs
 * @param {number} options.heartbeatMs
 * @param {string | undefined} options.protocol subprotocol of a framed client
 * @param {(event: string, code: number, reason: string) => [number, number, string]} decide returns an HTTP status, a close code and
 *   a reason
 * @param {{ waitUntil: (promise: Promise) => void }} invocation
 * @param {number} number for `tell`
 * @param {(number: number, answer: Response | number, isError: boolean) => void} tell
 */
export function connect({ signal }, asking, options, decide, invocation, number, tell) {
  new UpstreamPipe(options, decide, invocation).start(asking, signal).then(
    (answer) => tell(number, answer, false),
    (error) => tell(number, error, true),
  );
}

/** Closes a WebSocket that may be closed already. */
function shut(socket, code, reason) {
  try {
    socket.close(code, reason);
  } catch {
    // It is closed.
  }
}

/** Answers the close of the other side; some codes may not be sent. */
function answerClose(socket, code, reason) {
  const isForbidden = code === 1004 || code === ABNORMAL || code === 1015 || code < NORMAL || code > 4999;
  if (code === 1005) shut(socket, NORMAL, "");
  else if (isForbidden) shut(socket, 1002, "");
  else shut(socket, code, reason);
}

/** The sending half of a WebSocket, with the bytes that its other side has not taken. */
class Outflow {
  #socket;
  #limit;
  #stallMs;
  #fail;
  /** Bytes that wait, at most: those that the runtime had at the last look, and those that were sent since then. */
  #waiting = 0;
  #unseen = 0;
  #seen = 0;
  #largest = 0;
  #progressAt = 0;
  #timer;
  #pause = LOOK_MS;
  #isOver = false;
  /** Time until which it counts, once it is over. */
  #until = 0;

  /** `fail` is given the reason for which no more can be sent. */
  constructor(socket, limit, stallMs, fail) {
    this.#socket = socket;
    this.#limit = limit;
    this.#stallMs = stallMs;
    this.#fail = fail;
  }

  /** True if nothing more is sent. */
  get isOver() {
    return this.#isOver;
  }

  send(text) {
    if (this.#isOver) return;
    const bytes = text.length;
    if (isFull(this.#waiting, bytes, this.#limit)) {
      this.#look();
      // One that keeps up pays for nobody else.
      if (this.#waiting > 0 && isFull(this.#waiting, bytes, this.#limit)) return this.#fail(TOO_MUCH);
    }
    // The look may have found that the other side takes nothing.
    if (this.#isOver) return;
    this.#socket.send(text);
    this.#count(bytes);
    this.#unseen += bytes;
    if (bytes > this.#largest) this.#largest = bytes;
    // To ask costs as much as to send.
    if (this.#unseen >= LOOK_BYTES) this.#look();
    else this.#plan();
  }

  #count(bytes) {
    this.#waiting += bytes;
    isolateBytes += bytes;
  }

  #plan() {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      try {
        this.#look();
      } catch (error) {
        console.error(error);
      }
    }, this.#pause);
  }

  #look() {
    if (this.#isOver) return;
    // A runtime without it (workerd before 1.20261117.1) cannot tell.
    const buffered = this.#socket.bufferedAmount ?? 0;
    const now = Date.now();
    if (buffered === 0 || buffered < this.#seen + this.#unseen || this.#seen === 0) this.#progressAt = now;
    this.#count(buffered - this.#waiting);
    this.#seen = buffered;
    this.#unseen = 0;
    if (buffered === 0) {
      this.#largest = 0;
      this.#pause = LOOK_MS;
      return;
    }
    if (now - this.#progressAt > this.#stallMs + this.#largest / SLOW_BYTES_PER_MS) return this.#fail("Stalled");
    this.#plan();
    this.#pause = Math.min(2 * this.#pause, LOOK_MAX_MS);
  }

  /** Sends no more. The runtime keeps what waits until the other side takes it, also after a close: it counts until `gone`. */
  finish() {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#until = Date.now() + CLOSED_MS;
    leaving.add(this);
  }

  /** The connection is gone, and what waited on it. */
  gone() {
    this.finish();
    leaving.delete(this);
    this.#count(-this.#waiting);
  }

  /** Forgets connections that were closed long ago. Those of a context that is no more never tell that they are gone. */
  static forget() {
    const now = Date.now();
    for (const flow of leaving) if (flow.#until <= now) flow.gone();
  }
}

/** True if so many bytes more are too many where `waiting` bytes wait already. */
function isFull(waiting, bytes, limit) {
  if (waiting + bytes > limit) return true;
  if (waiting + bytes <= FREE_BYTES || isolateBytes + bytes <= ISOLATE_LIMIT) return false;
  Outflow.forget();
  return isolateBytes + bytes > ISOLATE_LIMIT;
}

/** Exported for its tests. */
export class UpstreamPipe {
  #options;
  #decide;
  #invocation;
  #asking;
  #client;
  #upstream;
  /** Ends the wait for the upstream's answer to a close. */
  #upstreamAnswered;
  /** HTTP status, close code and reason, if the upstream did not accept. */
  #refused;
  #down;
  #up;
  #openedAt = 0;
  /** The client's messages until the upstream accepts, also if the client is gone by then. */
  #waiting = [];
  #waitingBytes = 0;
  /** The close for an upstream that accepts after its client is gone. */
  #end;
  #lastOut = 0;
  #beatTimer;
  #firstTimer;
  /** Thousandths of a message that are missing in the bucket of `messageRate`, at `#rateAt`. */
  #missing = 0;
  #rateAt = 0;
  /** Ends the wait for the drain of this node, where there is a node. */
  #release;

  constructor(options, decide, invocation) {
    this.#options = options;
    this.#decide = decide;
    this.#invocation = invocation;
  }

  /** Resolves to the client's answer: a response, or the HTTP status of a refusal. `signal` tells that the client's request is over. */
  async start(asking, signal) {
    this.#asking = asking;
    const { answer } = asking;
    // Without a client on a WebSocket nothing else tells that it left.
    if (signal.aborted) this.#onClientEnd(ABNORMAL, "");
    else signal.addEventListener("abort", this.#guarded(() => this.#onClientEnd(ABNORMAL, "")));
    const told = answer.then((asked) => this.#onAnswer(asked));
    // Without its client, too: the circuit breaker needs the answer.
    this.#invocation.waitUntil(told);
    const { isRaw, openAfterMs, protocol } = this.#options;
    let refused;
    if (isRaw || openAfterMs === undefined) {
      refused = await told;
    } else if (openAfterMs > 0) {
      const { promise: early, resolve } = Promise.withResolvers();
      const timer = setTimeout(resolve, openAfterMs);
      refused = await Promise.race([told, early]);
      clearTimeout(timer);
    }
    if (refused) return refused[0];
    if (this.#end) {
      // It was accepted for a raw client that left just now.
      if (isRaw && !this.#up) asking.breakOff();
      return GONE;
    }
    if (isRaw) {
      const asked = await answer;
      return this.#respond(asked.socket, asked.protocol);
    }
    const [end, client] = Object.values(new WebSocketPair());
    this.#open(client);
    return this.#respond(end, protocol);
  }

  #respond(webSocket, protocol) {
    const headers = protocol ? { "Sec-WebSocket-Protocol": protocol } : {};
    return new Response(null, { status: 101, webSocket, headers });
  }

  #ask(event, code = 0, reason = "") {
    try {
      return this.#decide(event, code, reason);
    } catch (error) {
      // The instance of wasm that could do it was reset.
      console.warn(error);
      return [503, RESTART, FAILED];
    }
  }

  #guarded(listener) {
    return (event) => {
      try {
        listener(event);
      } catch (error) {
        console.error(error);
        this.#closeBoth(RESTART, FAILED);
      }
    };
  }

  // The upstream.

  /** Returns the refusal, if the answer is one. */
  #onAnswer({ socket, refusal, status, problem }) {
    if (!socket) {
      this.#refused = this.#ask(refusal, status, problem);
      this.#takeWaiting();
      if (this.#client && !this.#end) this.#endClient(this.#refused[1], this.#refused[2]);
      return this.#refused;
    }
    this.#ask("accepted");
    if (this.#options.isRaw && !this.#end) return undefined;
    this.#upstream = socket;
    if (this.#client || this.#end) this.#guarded(() => this.#join())();
    return undefined;
  }

  /** Passes messages on from now on. */
  #join() {
    const upstream = this.#upstream;
    upstream.binaryType = "arraybuffer";
    upstream.addEventListener("message", this.#guarded(({ data }) => this.#onUpstream(data)));
    upstream.addEventListener("close", this.#guarded(({ code, reason, wasClean }) => this.#onUpstreamEnd(code, reason, wasClean)));
    upstream.addEventListener("error", this.#guarded(() => this.#onUpstreamEnd(ABNORMAL, "", false)));
    const { inboxLimit, stallTimeoutMs } = this.#options;
    this.#up = new Outflow(upstream, inboxLimit, stallTimeoutMs, (reason) => {
      if (this.#end) this.#shutUpstream(TRY_AGAIN, reason);
      else this.#closeBoth(TRY_AGAIN, reason);
    });
    upstream.accept();
    for (const message of this.#takeWaiting()) this.#up.send(message);
    if (this.#end && !this.#up.isOver) this.#shutUpstream(...this.#end);
  }

  #onUpstream(data) {
    if (this.#end) return;
    const text = typeof data === "string" ? data : textOf(data);
    if (text === undefined) return this.#closeBoth(UNSUPPORTED, "Binary messages are not supported");
    if (isLonger(text, this.#options.messageLimit)) return this.#closeBoth(TOO_LARGE, "Message too large");
    this.#lastOut = Date.now();
    this.#toClient(`a[${quote(text)}]`);
  }

  #onUpstreamEnd(code, reason, wasClean) {
    this.#upstreamAnswered?.();
    this.#up.gone();
    const isLost = code === ABNORMAL || wasClean === false;
    if (!isLost) answerClose(this.#upstream, code, reason);
    if (this.#end) return;
    const [, toClient, why] = this.#ask(isLost ? "lost" : "closed", code, reason);
    this.#end = [NORMAL, ""];
    this.#endClient(toClient, why);
  }

  // The client.

  #open(client) {
    this.#client = client;
    this.#openedAt = this.#lastOut = Date.now();
    const { inboxLimit, stallTimeoutMs, firstMessageMs } = this.#options;
    this.#down = new Outflow(client, inboxLimit, stallTimeoutMs, (reason) => this.#closeBoth(TRY_AGAIN, reason));
    client.binaryType = "arraybuffer";
    client.addEventListener("message", this.#guarded(({ data }) => this.#onMessage(data)));
    client.addEventListener("close", this.#guarded(({ code, reason }) => this.#onClientEnd(code, reason)));
    client.addEventListener("error", this.#guarded(() => this.#onClientEnd(ABNORMAL, "")));
    client.accept();
    this.#release = globalThis.sockjsEdgeNode?.hold(this.#guarded(() => this.#closeBoth(RESTART, STOPPING)));
    client.send("o");
    this.#planBeat();
    if (firstMessageMs !== undefined) {
      this.#firstTimer = setTimeout(() => this.#violated(POLICY_VIOLATION, "No message came in time"), firstMessageMs);
    }
    // The answer may have come just now.
    if (this.#upstream) this.#guarded(() => this.#join())();
    else if (this.#refused) this.#endClient(this.#refused[1], this.#refused[2]);
  }

  #onMessage(data) {
    if (this.#end) return;
    const { bodyLimit, messagesPerBody, messageLimit } = this.#options;
    if (typeof data !== "string") return this.#violated(UNSUPPORTED, "Binary messages are not supported");
    if (data.length > bodyLimit) return this.#violated(TOO_LARGE, "Message too large");
    let messages;
    try {
      messages = messagesOf(data);
    } catch {
      return this.#violated(BROKEN_FRAMING, "Broken framing.");
    }
    if (messages.length > (messagesPerBody ?? Infinity)) return this.#violated(TOO_LARGE, "Too many messages in one");
    if (messages.some((message) => isLonger(message, messageLimit))) return this.#violated(TOO_LARGE, "Message too large");
    // A frame without messages costs as much as one message.
    if (!this.#mayCome(Math.max(1, messages.length))) return this.#violated(POLICY_VIOLATION, "Too many messages");
    if (messages.length > 0) clearTimeout(this.#firstTimer);
    for (const message of messages) {
      if (this.#end) return;
      if (this.#up) this.#up.send(message);
      else this.#wait(message);
    }
  }

  #wait(message) {
    const bytes = message.length + MESSAGE_COST;
    if (isFull(this.#waitingBytes, bytes, this.#options.inboxLimit)) return this.#closeBoth(TRY_AGAIN, TOO_MUCH);
    this.#waiting.push(message);
    this.#waitingBytes += bytes;
    isolateBytes += bytes;
  }

  #takeWaiting() {
    isolateBytes -= this.#waitingBytes;
    this.#waitingBytes = 0;
    return this.#waiting.splice(0);
  }

  /** True if so many messages may come now: a bucket of as many as may come in a second, which fills steadily. */
  #mayCome(count) {
    const { messageRate } = this.#options;
    if (messageRate === undefined) return true;
    const now = Date.now();
    this.#missing = Math.max(0, this.#missing - (now - this.#rateAt) * messageRate) + count * 1000;
    this.#rateAt = now;
    return this.#missing <= messageRate * 1000;
  }

  #toClient(frame) {
    this.#down.send(frame);
  }

  #planBeat() {
    const { heartbeatMs } = this.#options;
    this.#beatTimer = setTimeout(() => {
      if (this.#end) return;
      const now = Date.now();
      if (now - this.#lastOut >= heartbeatMs) {
        this.#lastOut = now;
        this.#guarded(() => this.#toClient("h"))();
      }
      this.#planBeat();
    }, Math.max(0, this.#lastOut + heartbeatMs - Date.now()));
  }

  #onClientEnd(code, reason) {
    if (this.#client) answerClose(this.#client, code, reason);
    if (!this.#end) {
      const [, toUpstream, why] = this.#ask("left", code, reason);
      this.#endUpstream(toUpstream, why);
    }
    this.#leave();
    this.#down?.gone();
  }

  // The end.

  /** The client broke a rule: it is closed with the code, as by an object. */
  #violated(code, reason) {
    if (this.#end) return;
    const [, toUpstream, why] = this.#ask("ended", code, reason);
    this.#endUpstream(toUpstream, why);
    this.#closeClient(() => answerClose(this.#client, code, reason));
  }

  /** Neither side is to blame alone. */
  #closeBoth(code, reason) {
    if (this.#end) return;
    this.#takeWaiting();
    const [, toUpstream, why] = this.#ask("ended", code, reason);
    this.#endUpstream(toUpstream, why);
    this.#endClient(code, reason);
  }

  /** Closes the upstream, at once or when it accepts. */
  #endUpstream(code, reason) {
    this.#end = [code, reason];
    if (this.#up) this.#shutUpstream(code, reason);
  }

  #shutUpstream(code, reason) {
    const upstream = this.#upstream;
    shut(upstream, code, reason);
    this.#up.finish();
    const { promise, resolve } = Promise.withResolvers();
    let [least, since, timer] = [Infinity, Date.now()];
    // It has its time for what waits, and then for the answer.
    const look = () => {
      const [buffered, now] = [upstream.bufferedAmount ?? 0, Date.now()];
      if (buffered < least) [least, since] = [buffered, now];
      const limit = buffered > 0 ? Math.max(this.#options.stallTimeoutMs, CLOSE_ANSWER_MS) : CLOSE_ANSWER_MS;
      timer = setTimeout(now - since < limit ? look : breakOff, LOOK_MAX_MS);
    };
    const breakOff = () => {
      this.#asking.breakOff();
      this.#up.gone();
      resolve();
    };
    this.#upstreamAnswered = resolve;
    look();
    this.#invocation.waitUntil(promise.then(() => clearTimeout(timer)));
  }

  /** Closes the client by a frame, after which the code of the WebSocket means nothing. */
  #endClient(code, reason) {
    this.#end ??= [NORMAL, ""];
    if (!this.#client) return;
    this.#closeClient(() => {
      try {
        this.#client.send(`c[${code},${quote(reason)}]`);
      } catch {
        // It is closed.
      }
      shut(this.#client, NORMAL, "Normal closure");
    });
  }

  #closeClient(close) {
    this.#leave();
    const age = Date.now() - this.#openedAt;
    if (age < CLOSE_AFTER_OPEN_MS) setTimeout(close, CLOSE_AFTER_OPEN_MS);
    else close();
  }

  /** Nothing more goes to the client. */
  #leave() {
    this.#release?.();
    clearTimeout(this.#beatTimer);
    clearTimeout(this.#firstTimer);
    this.#down?.finish();
  }
}

/** Returns the string that the bytes of a binary message are in UTF-8; undefined if they are none. */
function textOf(bytes) {
  try {
    return fromUtf8.decode(bytes);
  } catch {
    return undefined;
  }
}
