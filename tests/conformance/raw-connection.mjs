// A connection for what is no HTTP/1.1: the requests are written by the case, the answers read as bytes.

import { openConnection } from "../harness/clients/http.mjs";
import { lastOfEach, urlOf } from "./client.mjs";

export async function openRawConnection(t) {
  const connection = await openConnection(urlOf("/"));
  t.after(() => connection.close());
  return {
    /** Writes these lines and the empty one that ends a head. */
    request: (...lines) => connection.write([...lines, "", ""].join("\r\n")),
    write: (bytes) => connection.write(bytes),
    /** `{ status, headers }`, the headers by their name in lower case. */
    head: async () => lastOfEach(await connection.head()),
    bytes: (length) => connection.bytes(length),
    /** All that comes until the server ends the connection, which it has to do in so many milliseconds. */
    untilEnd: (ms) => connection.ended(ms),
  };
}
