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

export const headerOf = (request, name) => request.headers.get(name) ?? undefined;

export const commandOf = (request) => request.headers.get("sockjs-edge-command") ?? undefined;

export const withFrame = (frame) => new Response(null, { headers: { "sockjs-edge-frame": frame } });

/** What `take` makes of the body of a request, or of the error that there is none; it is called once. */
export const whenRead = (request, take) => request.arrayBuffer().then(
  (body) => {
    const answer = take(new Uint8Array(body));
    // It was copied. V8 would keep a body of megabytes until it collects garbage.
    body.transfer(0);
    return answer;
  },
  (error) => take(undefined, error),
);

/** A promise, and what fulfils it. */
export const later = () => Promise.withResolvers();

export const withBytes = (bytes) => new Response(bytes);

export const withStatus = (status) => new Response(null, { status });

export const withSocket = (webSocket) => new Response(null, { status: 101, webSocket });
