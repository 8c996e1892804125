import type { Handler } from "sockjs-edge";

export const echo: Handler = {
  // A page shows that it is alive with `sock.onheartbeat = () => sock.send("")`.
  // If a page did so once and then falls silent, its connection is closed.
  options: { liveness: "page" },
  onMessage(conn, message) {
    conn.send(message);
  },
};
