// The WebSocket that an object holds to the upstream of a session over HTTP. While it is open, the object does not sleep (workerd
// 1.20261117). Its events go to one function of the wasm instance. A function that throws belongs to an instance that was reset: then
// the WebSocket is closed.

const ABNORMAL = 1006;
const RESTART = 1012;

/** Time after which an upstream that took everything, and does not answer a close, is broken off. */
const CLOSE_ANSWER_MS = 5_000;
/** Pause between two looks at what a closed upstream has not taken. */
const LOOK_MS = 1_000;

/** Functions that break the connection of each WebSocket, and timers that will call them. */
const aborts = new WeakMap();
const timers = new WeakMap();
/** WebSockets that are gone, with what waited on them. */
const gone = new WeakSet();

const fromUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Asks the upstream for a WebSocket. Resolves to the WebSocket; to a string that says why there is none, with its HTTP status behind a
 * space; or to an error.
 */
export async function openUpstream(service, url, names, protocols, timeoutMs) {
  const headers = new Headers({ Upgrade: "websocket" });
  for (let at = 0; at + 1 < names.length; at += 2) headers.set(names[at], names[at + 1]);
  if (protocols.length > 0) headers.set("Sec-WebSocket-Protocol", protocols.join(", "));
  const abort = new AbortController();
  const { promise: late, resolve } = Promise.withResolvers();
  const limit = setTimeout(resolve, timeoutMs);
  try {
    const request = (service ?? globalThis).fetch(url, { headers, redirect: "manual", signal: abort.signal });
    const response = await Promise.race([request, late]);
    if (response === undefined) {
      request.catch(() => {});
      abort.abort();
      return "timeout 0";
    }
    const { status, webSocket } = response;
    if (!webSocket) {
      response.body?.cancel().catch(() => {});
      return `status ${status}`;
    }
    const protocol = response.headers.get("Sec-WebSocket-Protocol");
    if (protocol === null || protocols.includes(protocol)) {
      aborts.set(webSocket, abort);
      return webSocket;
    }
    abort.abort();
    return `protocol ${status}`;
  } finally {
    clearTimeout(limit);
  }
}

/**
 * Begins to listen. `tell` is given the number and
 *
 * * a string that came;
 * * null, for a binary message that is no UTF-8;
 * * undefined, with code and reason, at the end. The code is 0 if the WebSocket was lost.
 */
export function listenUpstream(socket, number, tell) {
  let isOver = false;
  const guarded = (...what) => {
    try {
      tell(number, ...what);
    } catch (error) {
      console.error(error);
      closeUpstream(socket, RESTART, "the server failed", CLOSE_ANSWER_MS);
    }
  };
  const end = (code, reason) => {
    if (isOver) return;
    isOver = true;
    guarded(undefined, code, reason);
  };
  socket.binaryType = "arraybuffer";
  socket.addEventListener("message", ({ data }) => guarded(typeof data === "string" ? data : textOf(data), 0, ""));
  socket.addEventListener("close", ({ code, reason, wasClean }) => {
    clearTimeout(timers.get(socket));
    gone.add(socket);
    const isLost = code === ABNORMAL || wasClean === false;
    if (!isLost) answerClose(socket, code, reason);
    end(isLost ? 0 : code, reason);
  });
  socket.addEventListener("error", () => {
    clearTimeout(timers.get(socket));
    gone.add(socket);
    end(0, "");
  });
  socket.accept();
}

function textOf(bytes) {
  try {
    return fromUtf8.decode(bytes);
  } catch {
    return null;
  }
}

/** Closes a WebSocket, and breaks it off if the upstream takes nothing for `stallMs`, or took everything and does not answer. */
export function closeUpstream(socket, code, reason, stallMs) {
  shut(socket, code, reason);
  if (gone.has(socket)) return;
  let [least, since] = [Infinity, Date.now()];
  const look = () => {
    const [buffered, now] = [bufferedUpstream(socket), Date.now()];
    if (buffered < least) [least, since] = [buffered, now];
    const limit = buffered > 0 ? Math.max(stallMs, CLOSE_ANSWER_MS) : CLOSE_ANSWER_MS;
    timers.set(socket, setTimeout(now - since < limit ? look : breakOff, LOOK_MS));
  };
  const breakOff = () => {
    gone.add(socket);
    aborts.get(socket)?.abort();
  };
  look();
}

/** Answers the close of the upstream; some codes may not be sent. */
function answerClose(socket, code, reason) {
  const isForbidden = code === 1004 || code === ABNORMAL || code === 1015 || code < 1000 || code > 4999;
  if (code === 1005) shut(socket, 1000, "");
  else if (isForbidden) shut(socket, 1002, "");
  else shut(socket, code, reason);
}

/** Closes a WebSocket that may be closed already. */
function shut(socket, code, reason) {
  try {
    socket.close(code, reason);
  } catch {
    // It is closed.
  }
}

/** Returns the bytes that wait on it. A runtime without the property (workerd before 1.20261117.1) cannot tell. */
export const bufferedUpstream = (socket) => (gone.has(socket) ? 0 : (socket.bufferedAmount ?? 0));
