// An echo server as sockjs-node has it.

import sockjs, { SockJs, worker } from "sockjs-edge";

const echo = sockjs.createServer({ prefix: "/echo" });
echo.on("connection", function (conn) {
  conn.on("data", function (message) {
    conn.write(message);
  });
});

echo.installHandlers();
export { SockJs, worker as default };
