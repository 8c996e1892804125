// Requests whose client leaves in the middle, by a reset or by the end of its side, and their traces in the server.

import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { openConnection } from "./http.mjs";

const MIB = 1 << 20;
/** Time for the server to see that one side ended, before the other one is gone. */
const SEEN_MS = 20;

/** Ways to leave, by name. Each takes a connection. */
export const ENDS = {
  reset: (client) => client.reset(),
  async "end of its side"(client) {
    client.halfClose();
    await sleep(SEEN_MS);
  },
};

/** Requests that a client leaves in the middle, by name. Each takes a connection and a service's path. */
export const REQUESTS = {
  async "a chunked body"(client, service) {
    client.write(post(`${service}/000/${randomUUID()}/xhr_send`, "Transfer-Encoding: chunked"));
    const body = Buffer.alloc(MIB - 64, "x");
    client.write(`${body.length.toString(16)}\r\n`);
    await client.flush(body);
  },
  async "a declared body"(client, service) {
    client.write(post(`${service}/000/${randomUUID()}/xhr_send`, `Content-Length: ${MIB}`));
    await client.flush(Buffer.alloc(MIB / 2, "x"));
  },
  async "a small body"(client, service) {
    client.write(post(`${service}/000/${randomUUID()}/xhr_send`, "Content-Length: 100"));
    await client.flush('["half');
  },
  async "a poll"(client, service) {
    const path = `${service}/000/${randomUUID()}/xhr`;
    client.write(post(path, "Content-Length: 0"));
    await client.until("o\n");
    client.write(post(path, "Content-Length: 0"));
    await client.until("HTTP/1.1 200");
  },
  async "a stream"(client, service) {
    client.write(post(`${service}/000/${randomUUID()}/xhr_streaming`, "Content-Length: 0"));
    await client.until("o\n");
  },
  async "a WebSocket"(client, service) {
    const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==";
    client.write(get(`${service}/000/${randomUUID()}/websocket`, upgrade));
    await client.until("\x81\x01o");
  },
  async "/info"(client, service) {
    await client.flush(get(`${service}/info`, "Accept: */*"));
  },
  async "a head"(client, service) {
    await client.flush(get(`${service}/info`, "Accept: */*").slice(0, -4));
  },
};

/** Makes `count` requests that end this way, at most `atOnce` at a time. */
export async function abort(server, service, request, end, { count, atOnce }) {
  let left = count;
  const work = async () => {
    while (left-- > 0) {
      const client = await openConnection(server.url);
      await REQUESTS[request](client, service);
      await ENDS[end](client);
      await client.close();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

function post(path, header) {
  return `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n${header}\r\n\r\n`;
}

function get(path, header) {
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${header}\r\n\r\n`;
}
