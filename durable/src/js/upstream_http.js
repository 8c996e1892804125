// Requests of an object to an upstream that speaks WebSocket-over-HTTP.

const SET_META = "set-meta-";
const HEADERS = new Set(["content-type", "keep-alive-interval", "sec-websocket-extensions"]);

/** Most bytes of all bodies that are being read, by all objects of the isolate: they share its memory. */
const ISOLATE_LIMIT = 16 << 20;
let isolateBytes = 0;

/**
 * Sends a request with events. Resolves to its status, its headers as lines of `name:value`, and its body; to a string that says why there
 * is none, `timeout` or `large`; or rejects if the upstream cannot be reached or breaks off.
 */
export async function exchange(service, url, names, body, timeoutMs, limit) {
  const headers = new Headers();
  for (let at = 0; at + 1 < names.length; at += 2) headers.set(names[at], names[at + 1]);
  const abort = new AbortController();
  const { promise: late, resolve } = Promise.withResolvers();
  const timer = setTimeout(resolve, timeoutMs, "timeout");
  try {
    const answer = ask(service ?? globalThis, url, { method: "POST", headers, body, redirect: "manual", signal: abort.signal }, limit);
    answer.catch(() => {});
    const result = await Promise.race([answer, late]);
    if (typeof result === "string") abort.abort();
    return result;
  } finally {
    clearTimeout(timer);
  }
}

async function ask(fetcher, url, init, limit) {
  const response = await fetcher.fetch(url, init);
  const lines = [];
  for (const [name, value] of response.headers) {
    if (HEADERS.has(name) || name.startsWith(SET_META)) lines.push(`${name}:${value}`);
  }
  const parts = [];
  let length = 0;
  try {
    const reader = response.body?.getReader();
    while (reader) {
      const { done, value } = await reader.read();
      if (done) break;
      length += value.length;
      isolateBytes += value.length;
      if (length > limit || isolateBytes > ISOLATE_LIMIT) return "large";
      parts.push(value);
    }
  } finally {
    isolateBytes -= length;
  }
  const body = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    body.set(part, at);
    at += part.length;
  }
  return [response.status, lines.join("\n"), body];
}
