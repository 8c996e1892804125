// The smallest application: whatever a client sends comes back.

import { sockjs } from "sockjs-edge";

export const { SockJs, worker } = sockjs({
  "/echo": {
    onMessage(conn, message) {
      conn.send(message);
    },
  },
});
export default worker;
