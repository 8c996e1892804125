// A port that is free now, for programs that do not take port 0, or do not tell which one they took. Between this and its start
// another program may take the port; then the program fails.

import { once } from "node:events";
import { createServer } from "node:net";

export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}
