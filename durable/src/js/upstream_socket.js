// The WebSocket that an object holds to the upstream of a session over HTTP. While it is open, the object does not sleep (workerd
// 1.20261117). Its events go to one function of the wasm instance. A function that throws belongs to an instance that was reset: then
// the WebSocket is closed.

const ABNORMAL = 1006;
const RESTART = 1012;

/** Time after which an upstream that does not answer a close is broken off. */
const CLOSE_ANSWER_MS = 5_000;

/** Functions that break the connection of each WebSocket, and timers that will call them. */
const aborts = new WeakMap();
const timers = new WeakMap();

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
      closeUpstream(socket, RESTART, "the server failed");
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
    const isLost = code === ABNORMAL || wasClean === false;
    if (!isLost) shut(socket, code === 1005 ? 1000 : code, reason);
    end(isLost ? 0 : code, reason);
  });
  socket.addEventListener("error", () => end(0, ""));
  socket.accept();
}

function textOf(bytes) {
  try {
    return fromUtf8.decode(bytes);
  } catch {
    return null;
  }
}

/** Closes a WebSocket, and breaks it off if the upstream does not answer. */
export function closeUpstream(socket, code, reason) {
  shut(socket, code, reason);
  timers.set(socket, setTimeout(() => aborts.get(socket)?.abort(), CLOSE_ANSWER_MS));
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
export const bufferedUpstream = (socket) => socket.bufferedAmount ?? 0;
