// The HTTP transports on the wire, derived from the protocol and not from the server's own table, and the frames in their
// responses.

import { XHR_PRELUDE, htmlfilePrelude } from "./preludes.mjs";

const JAVASCRIPT = "application/javascript; charset=UTF-8";

/** Padded to more than 1 KiB, for Safari. */
const PAGE = `${htmlfilePrelude("callback")}\n`;

/** Returns a string in a script of a page, where `</script>` and `<!--` would be markup. */
const quote = (frame) => JSON.stringify(frame).replaceAll("<", "\\u003c");

/**
 * By the last segment of the path: method, query and Content-Type of a receive request; true if other origins may read it; the
 * bytes before the first frame and around each; and true if the first frame is the last. `end` ends a wrapped frame, and `unwrap`
 * returns the frame in the text before that end, or "" if there is none. `nasty` is `NASTY_MESSAGE` as it is received, spelled
 * out.
 */
export const TRANSPORTS = {
  xhr_streaming: {
    method: "POST",
    contentType: JAVASCRIPT,
    cors: true,
    prelude: XHR_PRELUDE,
    wrap: (frame) => `${frame}\n`,
    end: "\n",
    unwrap: (line) => line,
    nasty: String.raw`a["100% \"q\" 'a' </script> \\ %41 \r\n \u2028 \ud83d\ude00"]` + "\n",
  },
  eventsource: {
    method: "GET",
    contentType: "text/event-stream",
    cors: true,
    prelude: "\r\n",
    wrap: (frame) => `data: ${frame.replaceAll("%", "%25")}\r\n\r\n`,
    end: "\r\n\r\n",
    unwrap: (event) => decodeURI(/data: ?(.*)$/.exec(event)?.[1] ?? ""),
    nasty: String.raw`data: a["100%25 \"q\" 'a' </script> \\ %2541 \r\n \u2028 \ud83d\ude00"]` + "\r\n\r\n",
  },
  htmlfile: {
    method: "GET",
    query: "?c=%63allback",
    contentType: "text/html; charset=UTF-8",
    prelude: `${PAGE.padEnd(1040)}\r\n\r\n`,
    wrap: (frame) => `<script>\np(${quote(frame)});\n</script>\r\n`,
    end: "</script>\r\n",
    unwrap: (script) => argument(script, "\np("),
    nasty:
      "<script>\n" +
      String.raw`p("a[\"100% \\\"q\\\" 'a' \u003c/script> \\\\ %41 \\r\\n \\u2028 \\ud83d\\ude00\"]");` +
      "\n</script>\r\n",
  },
  xhr: {
    method: "POST",
    contentType: JAVASCRIPT,
    cors: true,
    oneFrame: true,
    prelude: null,
    wrap: (frame) => `${frame}\n`,
    end: "\n",
    unwrap: (line) => line,
    nasty: String.raw`a["100% \"q\" 'a' </script> \\ %41 \r\n \u2028 \ud83d\ude00"]` + "\n",
  },
  jsonp: {
    method: "GET",
    query: "?c=%63allback",
    contentType: JAVASCRIPT,
    oneFrame: true,
    prelude: null,
    wrap: (frame) => `/**/callback(${quote(frame)});\r\n`,
    end: "\r\n",
    unwrap: (script) => argument(script, "callback("),
    nasty:
      String.raw`/**/callback("a[\"100% \\\"q\\\" 'a' \u003c/script> \\\\ %41 \\r\\n \\u2028 \\ud83d\\ude00\"]");` + "\r\n",
  },
};

export const NASTY_MESSAGE = "100% \"q\" 'a' </script> \\ %41 \r\n \u2028 😀";

const entries = Object.entries(TRANSPORTS);
export const STREAMS = entries.filter(([, { oneFrame }]) => !oneFrame).map(([segment]) => segment);
export const POLLS = entries.filter(([, { oneFrame }]) => oneFrame).map(([segment]) => segment);

/** Returns the path of a receive request, relative to its session's. */
export const receivePath = (segment) => segment + (TRANSPORTS[segment].query ?? "");

/** Returns a function that takes the body of a response in any portions, and returns the frames that each completes. */
export function frameReader(segment) {
  const { end, unwrap } = TRANSPORTS[segment];
  let unread = [];
  return (text) => {
    unread.push(text);
    if (!text.includes("\n")) return [];
    const wrapped = unread.join("").split(end);
    unread = [wrapped.pop()];
    return wrapped.map(unwrap);
  };
}

/** Returns the string in a script's call of a function. */
function argument(script, call) {
  const from = script.indexOf(call);
  return from === -1 ? "" : JSON.parse(script.slice(from + call.length, script.lastIndexOf(");")));
}
