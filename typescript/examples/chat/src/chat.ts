// A room for each path: /chat/lobby, /chat/garden. Names are kept with the connections, so that they outlive the object.

import { CallRejected, type Connection, type Handler, type Room } from "sockjs-edge";

const nameOf = (conn: Connection): string => conn.state ?? "somebody";
const present = (room: Room) => [...room.connections()].map(nameOf).sort();

export const chat: Handler = {
  options: { placement: "room", websocket_holder: "worker", message_rate: 20 },
  onOpen(conn) {
    // With tickets, the page's query is only in onRequest, which can return the name in the claims.
    conn.state = new URLSearchParams(conn.query).get("name") ?? "somebody";
    conn.room.broadcast(`${nameOf(conn)} came: ${present(conn.room).join(", ")}`);
  },
  onMessage(conn, message) {
    const whisper = /^@(\S+) (.+)/s.exec(message);
    if (whisper) conn.room.to(`name ${whisper[1]}`).broadcast(`${nameOf(conn)} whispers: ${whisper[2]}`);
    else if (message.startsWith("/listen ")) conn.join(`name ${message.slice("/listen ".length)}`);
    else conn.room.broadcast(`${nameOf(conn)}: ${message}`);
  },
  onClose(conn) {
    conn.room.broadcast(`${nameOf(conn)} left: ${present(conn.room).join(", ")}`);
  },
  onCall(room, question) {
    if (question !== "present") throw new CallRejected('this room answers "present"');
    return present(room);
  },
};
