// Reads from /proc the bytes that the kernel buffers for a TCP connection of this machine.

import { readFileSync } from "node:fs";

/** Returns the bytes that were sent to `socket` and not read: those in the sender's buffer and those in its own. */
export function inKernel({ localPort, remotePort }) {
  const connections = readFileSync("/proc/net/tcp", "utf8").trim().split("\n").slice(1).map(read);
  const theirs = connections.find(({ local, remote }) => local === remotePort && remote === localPort);
  const ours = connections.find(({ local, remote }) => local === localPort && remote === remotePort);
  return theirs.toSend + ours.toRead;
}

/** Reads `sl  local_address rem_address   st tx_queue:rx_queue ...`, with numbers in hexadecimal. */
function read(line) {
  const [, local, remote, , queues] = line.trim().split(/\s+/);
  const port = (address) => Number.parseInt(address.split(":")[1], 16);
  const [toSend, toRead] = queues.split(":").map((bytes) => Number.parseInt(bytes, 16));
  return { local: port(local), remote: port(remote), toSend, toRead };
}
