// Several calls of the runtime as one: each way out of wasm costs as much as what it calls, and a name or a value that goes
// along is copied and decoded.

/** What stands in a request, a line each; no URL and no header has a line feed. */
export const requestHeadOf = (request, names) => `${request.method}\n${request.url}${headersOf(request, names)}`;

/** Headers, each after a line feed. */
export function headersOf({ headers }, names) {
  let values = "";
  for (const name of names) values += `\n${headers.get(name) ?? ""}`;
  return values;
}

/** Tells what the body of a request is. */
export function read(request, number, tell) {
  request.arrayBuffer().then(
    (body) => tell(number, new Uint8Array(body), false),
    (error) => tell(number, error, true),
  );
}

/**
 * Reads the body of a request piece by piece, if it has one, into one buffer of so many bytes: a piece is gone when the
 * next is asked for.
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
    // A stream that the application made may have only pieces of its own.
    return body.getReader();
  }
}

/** A response with this body, or with none. */
export const respond = (body, init) => new Response(body, init);

/**
 * A body of chunks that are asked for one by one, and not before. None comes within the call of `pull` itself: of a source that
 * can, the runtime may take several at once (workerd 1.20261117), and a chunk that is taken counts as written.
 */
export function streamOf(chunks) {
  const pull = (controller) => Promise.resolve().then(() => chunks.pull(controller));
  return new ReadableStream({ pull, cancel: () => chunks.cancel() }, { highWaterMark: 0 });
}

/** A promise, and what fulfils it. */
export const later = () => Promise.withResolvers();

/**
 * Passes a client's request on to an object, with those of its headers that have `names`, for a WebSocket as the answer. `address` is
 * the client's, if its headers do not tell it.
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

/** Hands something to an object, with a body or without. */
export function hand(stub, url, command, body, timeoutMs, number, tell) {
  const headers = { "sockjs-edge-command": command };
  ask(stub, url, body ? { method: "POST", headers, body } : { headers }, timeoutMs, number, tell);
}

/**
 * Tells what the object answers: the response itself if it has a WebSocket, a text of its status and the frame in its
 * header, or status and body in a list; undefined if there is no answer in time: an object that panicked never answers
 * (workers-rs 0.8.7).
 */
function ask(stub, url, init, timeoutMs, number, tell) {
  let isOver = false;
  const end = (answer, isError) => {
    if (isOver) return;
    isOver = true;
    // In an object it would keep that awake.
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

/** Frees the bytes of an array: V8 would keep megabytes until it collects garbage. */
export const release = ({ buffer }) => void buffer.transfer(0);

/** Tells when the client of a request leaves; whether it has left already. */
export function watch({ signal }, number, tell) {
  signal.addEventListener("abort", () => tell(number, undefined, false));
  return signal.aborted;
}

/** True on Cloudflare, which tells the client's address in a header of its own; undefined until a request shows it. */
let isOnCloudflare;

/** The other end of a request's TCP connection, with its port. On Cloudflare there is nothing to tell. */
export function peerOf(request) {
  if (isOnCloudflare) return undefined;
  const { cf } = request;
  // Plain workerd (1.20261117) tells it here, and nothing else.
  if (cf) isOnCloudflare = cf.clientIp === undefined;
  return cf?.clientIp;
}

/** Watches an inner WebSocket, on a node of a cluster: it has the event `error` if the other end falls silent. */
export const watchLink = (socket, question, answer) => globalThis.sockjsEdgeNode.watch(socket, question, answer);

/** Tells when this node is drained. Gives the function that ends the wait. */
export const whenDrained = (number, tell) => globalThis.sockjsEdgeNode.hold(() => tell(number, undefined, false));

/** Tells when a time is over. */
export function wake(afterMs, number, tell) {
  setTimeout(tell, afterMs, number, undefined, false);
}

/** 101, with a client's end of its WebSocket. */
export const upgradeWith = (webSocket) => new Response(null, { status: 101, webSocket });
