// The upstream: an echo with `ws`. Prints `listening on URL` and runs until it is killed.

import { WebSocketServer } from "ws";

const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
server.on("connection", (socket) => socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary })));
server.on("listening", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
