// The services of every SockJS test server, in TypeScript.

import { sockjs, type Handler } from "sockjs-edge";

const echo: Handler = {
  onMessage(conn, message) {
    conn.send(message);
  },
};

const SECOND = 1_000;

export const { SockJs, worker } = sockjs({
  "/echo": { ...echo, options: { response_limit: 4096 } },
  "/disabled_websocket_echo": { ...echo, options: { websocket: false } },
  "/cookie_needed_echo": { ...echo, options: { jsessionid: true } },
  "/close": {
    onOpen(conn) {
      conn.close(3000, "Go away!");
    },
  },
  "/ticker": {
    options: { placement: "room" },
    onOpen(conn) {
      // Whoever comes first starts the clock; it stops when nobody is left.
      if (conn.room.count === 1) conn.room.setAlarm(SECOND);
    },
    onAlarm(room) {
      if (room.broadcast("tick!") > 0) room.setAlarm(SECOND);
    },
  },
  "/amplify": {
    onMessage(conn, message) {
      const n = Number.parseInt(message, 10);
      conn.send("x".repeat(2 ** (n >= 1 && n <= 18 ? n : 1)));
    },
  },
  "/broadcast": {
    options: { placement: "room" },
    onMessage(conn, message) {
      conn.room.broadcast(message);
    },
  },
});

export default worker;
