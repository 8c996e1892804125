// What the gateway is compared with: the npm package http-proxy, in front of the upstream at the URL that is its argument. Prints
// `listening on URL` and runs until it is killed.

import { createServer } from "node:http";
import httpProxy from "http-proxy";

const proxy = httpProxy.createProxyServer({ target: process.argv[2], ws: true });
proxy.on("error", (error) => console.error(error));
const server = createServer((request, response) => proxy.web(request, response));
server.on("upgrade", (request, socket, head) => proxy.ws(request, socket, head));
server.listen(0, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
