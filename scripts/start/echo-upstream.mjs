// The upstream that `npm start` puts behind the gateway: a WebSocket server that sends every message back. It listens on a free port
// of the loopback address. It runs in the process of `npm start`, and so ends with it.

import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { workerConfig } from "../worker-config.mjs";
import { ROOT } from "../tools.mjs";

/** Far above what the gateway lets through by default. */
const MESSAGE_MAX = 16 << 20;
/** Variables that exclude the echo: with the first the user names an upstream, and the second one is refused for a gateway. */
const EXCLUDING = ["SOCKJS_UPSTREAM", "SOCKJS_LIVENESS"];
/** Files from which wrangler reads variables. */
const FILES = [".dev.vars", ".env", ".env.local"];

/** Starts the server. Resolves to its `{ address, stop }`. */
export async function startEchoUpstream() {
  const { WebSocketServer } = await import("ws"); // which the set-up installs
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, maxPayload: MESSAGE_MAX });
  server.on("connection", (socket) => {
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
    socket.on("error", () => {}); // the client is gone
  });
  await once(server, "listening");
  const stop = () => {
    server.close();
    for (const socket of server.clients) socket.terminate();
  };
  return { address: `ws://127.0.0.1:${server.address().port}`, stop };
}

/**
 * Returns true if the user's variables leave room for the echo.
 *
 * @param {string[]} args for wrangler
 * @param {object} [options]
 * @param {string} [options.environment] of wrangler.toml
 * @param {string} [options.directory] with the files of variables
 */
export function mayHaveEchoUpstream(args, { environment, directory = ROOT } = {}) {
  const { vars } = workerConfig({ environment });
  const texts = FILES.map((name) => join(directory, name)).filter(existsSync).map((file) => readFileSync(file, "utf8"));
  const isGiven = (name) =>
    name in vars ||
    args.some((arg) => arg.replace(/^--var=/, "").startsWith(`${name}:`)) ||
    texts.some((text) => new RegExp(`^\\s*(export\\s+)?${name}\\s*=`, "m").test(text));
  return !EXCLUDING.some(isGiven);
}
