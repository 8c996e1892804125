// A connection for what is no HTTP/1.1: the requests are written by the case, the answers read as bytes.

import { once } from "node:events";
import { connect } from "node:net";
import { ByteReader } from "../harness/clients/byte-reader.mjs";
import { within } from "../harness/waiting/wait.mjs";
import { urlOf } from "./client.mjs";

export async function openRawConnection(t) {
  const { hostname, port } = new URL(urlOf("/"));
  const socket = connect({ host: hostname, port: Number(port || 80), noDelay: true });
  t.after(() => socket.destroy());
  const reader = new ByteReader(socket);
  await within(once(socket, "connect"), `a connection to ${hostname}:${port}`);
  return {
    /** Writes these lines and the empty one that ends a head. */
    request: (...lines) => socket.write([...lines, "", ""].join("\r\n")),
    write: (bytes) => socket.write(bytes),
    head: () => readHead(reader),
    bytes: (length) => reader.exactly(length, `${length} bytes`),
    /** All that comes until the server ends the connection, which it has to do in so many milliseconds. */
    untilEnd: async (ms) => (await reader.rest("the end of the connection", ms)).toString(),
  };
}

/** `{ status, headers }`, the headers by their name in lower case. */
async function readHead(reader) {
  const [, status] = (await reader.line("the head of a response")).split(" ");
  const headers = {};
  for (;;) {
    const line = await reader.line("a header");
    if (line === "") return { status: Number(status), headers };
    const [, name, value] = /^([^:]+):\s*(.*)$/.exec(line);
    headers[name.toLowerCase()] = value;
  }
}
