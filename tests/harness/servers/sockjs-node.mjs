// The reference server, sockjs-node, with the services that every SockJS test server offers. It shows that the cases are right:
// each of them passes there. Prints `listening on URL` and runs until it is killed.

import { createServer } from "node:http";
import sockjs from "sockjs";

/** By prefix: options beyond the defaults, and the handler of a connection. */
const SERVICES = {
  echo: [{ response_limit: 4096 }, echo],
  disabled_websocket_echo: [{ websocket: false }, echo],
  cookie_needed_echo: [{ jsessionid: true }, echo],
  close: [{}, (connection) => connection.close(3000, "Go away!")],
  ticker: [{}, tick],
  amplify: [{}, amplify],
  broadcast: [{}, broadcast],
};

/** As in tests/harness/servers/server.mjs: no session may end because the machine is slow. */
const DISCONNECT_DELAY_MS = 60_000;

function echo(connection) {
  connection.on("data", (message) => connection.write(message));
}

function tick(connection) {
  const timer = setInterval(() => connection.write("tick!"), 1_000);
  connection.on("close", () => clearInterval(timer));
}

function amplify(connection) {
  connection.on("data", (message) => {
    const exponent = Math.floor(Number(message));
    connection.write("x".repeat(2 ** (exponent >= 1 && exponent <= 18 ? exponent : 1)));
  });
}

const everyone = new Set();
function broadcast(connection) {
  everyone.add(connection);
  connection.on("close", () => everyone.delete(connection));
  connection.on("data", (message) => everyone.forEach((each) => each.write(message)));
}

const server = createServer((_, response) => response.writeHead(404).end());
server.on("upgrade", (_, socket) => socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
for (const [prefix, [options, serve]] of Object.entries(SERVICES)) {
  const service = sockjs.createServer({ ...options, disconnect_delay: DISCONNECT_DELAY_MS, log: () => {} });
  service.on("connection", serve);
  service.installHandlers(server, { prefix: `/${prefix}` });
}
server.listen({ host: "127.0.0.1", port: 0 }, () => {
  process.stdout.write(`listening on http://127.0.0.1:${server.address().port}\n`);
});
