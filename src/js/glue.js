// Joins several calls of the runtime into one: each call out of wasm costs as much as the called function itself, and names and
// values have to be copied and decoded.

/** Returns the parts of a request head, one a line; no URL and no header contains a line feed. */
export const requestHeadOf = (request, names) => `${request.method}\n${request.url}${headersOf(request, names)}`;

/** Returns headers, each after a line feed. */
export function headersOf({ headers }, names) {
  let values = "";
  for (const name of names) values += `\n${headers.get(name) ?? ""}`;
  return values;
}

/** Reports the body of a request. */
export function read(request, number, tell) {
  request.arrayBuffer().then(
    (body) => tell(number, new Uint8Array(body), false),
    (error) => tell(number, error, true),
  );
}

/**
 * Returns a reader that reads the body of a request, if any, piece by piece into one buffer of `size` bytes. A piece is
 * overwritten when the next one is requested.
 */
export function readerOf({ body }, size) {
  if (!body) return undefined;
  const reader = bytesOf(body);
  let buffer = new ArrayBuffer(size);
  const told = ({ done, value }, number, tell) => {
    if (value) buffer = value.buffer;
    tell(number, done ? undefined : value, false);
  };
  return {
    next(number, tell) {
      reader.read(new Uint8Array(buffer)).then(
        (piece) => told(piece, number, tell),
        (error) => tell(number, error, true),
      );
    },
    cancel() {
      reader.cancel().catch(() => {});
    },
  };
}

function bytesOf(body) {
  try {
    return body.getReader({ mode: "byob" });
  } catch {
    // A stream that the application created may support only the default reader.
    return body.getReader();
  }
}

/** Returns a response with this body, if any. */
export const respond = (body, init) => new Response(body, init);

/**
 * Returns a body of chunks. Each is requested only when the runtime pulls. No chunk is enqueued within the call of `pull` itself:
 * from a source that does so, the runtime may take several chunks at once (workerd 1.20261117), and a chunk that was taken counts
 * as written.
 */
export function streamOf(chunks) {
  const pull = (controller) => Promise.resolve().then(() => chunks.pull(controller));
  return new ReadableStream({ pull, cancel: () => chunks.cancel() }, { highWaterMark: 0 });
}

/** Creates a promise with its resolver. */
export const later = () => Promise.withResolvers();

/**
 * Forwards a client's request to an object, with those of its headers that have `names`; with a WebSocket, the response has one,
 * too. `address` is the client's, if its headers do not have it.
 */
export function forward(stub, request, names, address, command, timeoutMs, number, tell) {
  const from = request.headers;
  const headers = { "sockjs-edge-command": command, Upgrade: "websocket" };
  for (const name of names) {
    const value = from.get(name);
    if (value !== null) headers[name] = value;
  }
  if (address !== undefined) headers["cf-connecting-ip"] = address;
  ask(stub, request.url, { headers }, timeoutMs, number, tell);
}

/** Sends a command to an object, with or without a body. */
export function hand(stub, url, command, body, timeoutMs, number, tell) {
  const headers = { "sockjs-edge-command": command };
  ask(stub, url, body ? { method: "POST", headers, body } : { headers }, timeoutMs, number, tell);
}

/**
 * Reports the object's response: the response itself if it has a WebSocket; a string with its status and the frame in its header;
 * or status and body in an array. Reports undefined if there is no response in time: an object that panicked never responds
 * (workers-rs 0.8.7).
 */
function ask(stub, url, init, timeoutMs, number, tell) {
  let isOver = false;
  const end = (answer, isError) => {
    if (isOver) return;
    isOver = true;
    // In an object the pending timer would prevent hibernation.
    clearTimeout(limit);
    tell(number, answer, isError);
  };
  const limit = setTimeout(end, timeoutMs, undefined, false);
  const read = (response) => {
    const { status } = response;
    if (status === 101) return end(response, false);
    const frame = response.headers.get("sockjs-edge-frame");
    if (frame !== null || status === 204) return end(`${status} ${frame ?? ""}`, false);
    return response.arrayBuffer().then((body) => end([status, new Uint8Array(body)], false));
  };
  stub.fetch(url, init).then(read).catch((error) => end(error, true));
}

export const emptyBytes = (length) => new Uint8Array(length);

/** Frees the bytes of an array: V8 would keep megabytes until the next garbage collection. */
export const release = ({ buffer }) => void buffer.transfer(0);

/** Reports when the client of a request leaves. Returns true if it has left already. */
export function watch({ signal }, number, tell) {
  signal.addEventListener("abort", () => tell(number, undefined, false));
  return signal.aborted;
}

/** True on Cloudflare, which sends the client's address in a header of its own; undefined until a request shows where this is. */
let isOnCloudflare;

/** Returns the other end of a request's TCP connection, with its port. On Cloudflare there is none to return. */
export function peerOf(request) {
  if (isOnCloudflare) return undefined;
  const { cf } = request;
  // Plain workerd (1.20261117) has only this value in `cf`.
  if (cf) isOnCloudflare = cf.clientIp === undefined;
  return cf?.clientIp;
}

/** Watches an inner WebSocket, on a node of a cluster: the socket gets an event `error` if the other end falls silent. */
export const watchLink = (socket, question, answer) => globalThis.sockjsEdgeNode.watch(socket, question, answer);

/** Reports when this node is drained. Returns the function that ends the wait. */
export const whenDrained = (number, tell) => globalThis.sockjsEdgeNode.hold(() => tell(number, undefined, false));

/** Reports when the time has passed. */
export function wake(afterMs, number, tell) {
  setTimeout(tell, afterMs, number, undefined, false);
}

/** Returns a 101 with the client's end of its WebSocket. */
export const upgradeWith = (webSocket) => new Response(null, { status: 101, webSocket });
