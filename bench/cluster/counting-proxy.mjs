// Counts the requests to a bucket, by what they cost.

import { once } from "node:events";
import { createServer, request } from "node:http";
import { readFileSync } from "node:fs";

const { dollarsPerMillion } = JSON.parse(readFileSync(new URL("prices.json", import.meta.url), "utf8"));

/** The kind of a request: S3 bills a listing as a write. */
function kindOf(method, url) {
  if (method === "DELETE") return "delete";
  if (method === "GET" && new URL(url, "http://bucket").searchParams.has("list-type")) return "write";
  return method === "GET" || method === "HEAD" ? "read" : "write";
}

export class Requests {
  write = 0;
  read = 0;
  delete = 0;

  /** What came since `earlier`, divided by `count`. */
  since(earlier, count = 1) {
    const difference = new Requests();
    for (const kind of Object.keys(earlier)) difference[kind] = Math.max(0, this[kind] - earlier[kind]) / count;
    return difference;
  }

  copy() {
    return Object.assign(new Requests(), this);
  }

  get dollars() {
    return Object.entries(dollarsPerMillion).reduce((sum, [kind, price]) => sum + this[kind] * price, 0) / 1e6;
  }
}

/** Starts a proxy in front of the bucket at `endpoint`. Resolves to its URL and the requests so far. */
export async function startCountingProxy(owner, endpoint) {
  const { hostname: host, port } = new URL(endpoint);
  const requests = new Requests();
  const server = createServer((incoming, response) => {
    requests[kindOf(incoming.method, incoming.url)] += 1;
    const { url: path, method, headers } = incoming;
    const outgoing = request({ host, port, path, method, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.rawHeaders);
      answer.pipe(response);
    });
    outgoing.on("error", () => response.destroy());
    incoming.pipe(outgoing);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  owner.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, requests };
}
