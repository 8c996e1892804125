// Joins several calls of the runtime into one: each call out of wasm costs as much as the called function itself, and names and
// values have to be copied and decoded.

/** Returns headers, each after a line feed: no header contains one. */
export function headersOf({ headers }, names) {
  let values = "";
  for (const name of names) values += `\n${headers.get(name) ?? ""}`;
  return values;
}

/** Sets the alarm; calls `failed` with an error. */
export const setAlarm = ({ storage }, at, failed) => void storage.setAlarm(at).catch(failed);

/** True on a node of a cluster, where cluster/drain.js creates this object. */
export const isNode = () => globalThis.sockjsEdgeNode !== undefined;

/**
 * Makes the runtime answer a message of WebSockets itself, also while the object hibernates. Without `request` it answers none.
 */
export function setAutoResponse(state, request, answer) {
  if (request !== undefined) state.setWebSocketAutoResponse(new WebSocketRequestResponsePair(request, answer));
  else if (state.getWebSocketAutoResponse() !== null) state.setWebSocketAutoResponse();
}

/** Returns the time at which the runtime last did so on a socket; undefined if it never did. */
export const autoResponseTime = (state, socket) => state.getWebSocketAutoResponseTimestamp(socket)?.getTime();

export const headerOf = (request, name) => request.headers.get(name) ?? undefined;

export const commandOf = (request) => request.headers.get("sockjs-edge-command") ?? undefined;

export const withFrame = (frame) => new Response(null, { headers: { "sockjs-edge-frame": frame } });

/** Returns a promise of the result of `take`, which is called once with the body of a request, or with the error. */
export const whenRead = (request, length, take) => (length === undefined ? request.arrayBuffer() : whole(request, length)).then(
  (body) => {
    const answer = take(new Uint8Array(body));
    // The body was copied. V8 would keep megabytes until the next garbage collection.
    body.transfer(0);
    return answer;
  },
  (error) => take(undefined, error),
);

/** Reads a body of known length. `arrayBuffer()` would gather it in pieces, and then join them (workerd 1.20261117). */
async function whole({ body }, length) {
  let buffer = new ArrayBuffer(length);
  const reader = body.getReader({ mode: "byob" });
  for (let at = 0; at < length; ) {
    const { done, value } = await reader.read(new Uint8Array(buffer, at));
    if (done) throw new Error("the body broke off");
    buffer = value.buffer;
    at += value.byteLength;
  }
  return buffer;
}

/** Creates a promise with its resolver. */
export const deferred = () => Promise.withResolvers();

export const withBytes = (bytes) => new Response(bytes);

export const withText = (text, status) => new Response(text, { status });

export const withStatus = (status) => new Response(null, { status });

export const withSocket = (webSocket) => new Response(null, { status: 101, webSocket });

/** Returns a 101 for a receiver, with the id of its connection for the Worker's log. */
export const withReceiver = (webSocket, connection) =>
  new Response(null, { status: 101, webSocket, headers: { "sockjs-edge-connection": connection } });

/** Returns a 101 for a WebSocket that the Worker holds, with the facts about its connection. */
export const withHolder = (webSocket, facts) => new Response(null, { status: 101, webSocket, headers: { "sockjs-edge-held": facts } });
