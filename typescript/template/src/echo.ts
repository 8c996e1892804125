import type { Handler } from "sockjs-edge";

export const echo: Handler = {
  // A page says that it is still there by `sock.onheartbeat = () => sock.send("")`; if it falls silent then, it is closed.
  options: { liveness: "page" },
  onMessage(conn, message) {
    conn.send(message);
  },
};
