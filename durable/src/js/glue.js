// Several calls of the runtime as one: each way out of wasm costs as much as what it calls, and a name or a value that goes
// along is copied and decoded.

/** Headers, each after a line feed: no header has one. */
export function headersOf({ headers }, names) {
  let values = "";
  for (const name of names) values += `\n${headers.get(name) ?? ""}`;
  return values;
}

/** Sets the alarm; `failed` hears of an error. */
export const setAlarm = ({ storage }, at, failed) => void storage.setAlarm(at).catch(failed);

/** True on a node of a cluster, whose cluster/drain.js made this. */
export const isNode = () => globalThis.sockjsEdgeNode !== undefined;

/** Has the runtime answer a message of WebSockets by itself, also while the object sleeps; without one, no message. */
export function setAutoResponse(state, request, answer) {
  if (request !== undefined) state.setWebSocketAutoResponse(new WebSocketRequestResponsePair(request, answer));
  else if (state.getWebSocketAutoResponse() !== null) state.setWebSocketAutoResponse();
}

/** The time at which the runtime last did so on a socket; undefined if it never did. */
export const autoResponseTime = (state, socket) => state.getWebSocketAutoResponseTimestamp(socket)?.getTime();

export const headerOf = (request, name) => request.headers.get(name) ?? undefined;

export const commandOf = (request) => request.headers.get("sockjs-edge-command") ?? undefined;

export const withFrame = (frame) => new Response(null, { headers: { "sockjs-edge-frame": frame } });

/** What `take` makes of the body of a request, or of the error that there is none; it is called once. */
export const whenRead = (request, length, take) => (length === undefined ? request.arrayBuffer() : whole(request, length)).then(
  (body) => {
    const answer = take(new Uint8Array(body));
    // It was copied. V8 would keep a body of megabytes until it collects garbage.
    body.transfer(0);
    return answer;
  },
  (error) => take(undefined, error),
);

/** A body of so many bytes. `arrayBuffer()` would gather it in pieces, and then join them (workerd 1.20261117). */
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

/** A promise, and what fulfils it. */
export const deferred = () => Promise.withResolvers();

export const withBytes = (bytes) => new Response(bytes);

export const withText = (text, status) => new Response(text, { status });

export const withStatus = (status) => new Response(null, { status });

export const withSocket = (webSocket) => new Response(null, { status: 101, webSocket });

/** The same for a receiver, with the id of its connection, for the log of the Worker. */
export const withReceiver = (webSocket, connection) =>
  new Response(null, { status: 101, webSocket, headers: { "sockjs-edge-connection": connection } });

/** The same for a WebSocket that the Worker holds, with the facts of its connection. */
export const withHolder = (webSocket, facts) => new Response(null, { status: 101, webSocket, headers: { "sockjs-edge-held": facts } });
