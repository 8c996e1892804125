// The number of open pages, as the room of all pages counts them. It is shown where WebSockets are offered: over HTTP the room would
// take one of the six connections that a browser has to a host.

import { Connection } from "./connection.js";

export function countVisitors() {
  const shown = document.getElementById("visitors");
  const room = new Connection(`${location.origin}/demo/visitors`, "websocket");
  room.onmessage = (count) => (shown.textContent = count);
  room.onchange = (state) => state !== "open" && (shown.textContent = "–");
  addEventListener("pagehide", () => room.close());
  room.connect();
}
