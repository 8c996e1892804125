// Several conversations over one SockJS connection: npm `websocket-multiplex`, as it is, on this server.

import "./globals.js";
import sockjs, { SockJs, worker } from "sockjs-edge";
import multiplex from "websocket-multiplex";

const service = sockjs.createServer({ prefix: "/multiplex" });
const multiplexer = new multiplex.MultiplexServer(service);

const ann = multiplexer.registerChannel("ann");
ann.on("connection", (conn) => {
  conn.write("Ann says hi!");
  conn.on("data", (data) => conn.write(`Ann nods: ${data}`));
});

const bob = multiplexer.registerChannel("bob");
bob.on("connection", (conn) => {
  conn.write("Bob doesn't agree.");
  conn.on("data", (data) => conn.write(`Bob says no to: ${data}`));
});

const carl = multiplexer.registerChannel("carl");
carl.on("connection", (conn) => {
  conn.write("Carl says goodbye!");
  conn.end();
});

service.installHandlers();
export { SockJs, worker as default };
