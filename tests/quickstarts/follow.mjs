// Follows a quick start to the letter: a shell in a folder, until a stock client gets its message back.

import { createServer } from "node:http";
import { once } from "node:events";
import { delimiter, dirname } from "node:path";
import { WebSocketServer } from "ws";
import { killGroup, spawnTied } from "../../scripts/run.mjs";
import { nodeBinary } from "../../scripts/tools.mjs";
import { connectStockClient } from "../harness/clients/stock-client.mjs";
import { until } from "../harness/waiting/wait.mjs";
import { ORIGIN } from "./readme.mjs";

/** The set-up compiles programs. */
const SERVED_MS = 25 * 60_000;

/**
 * Runs `lines` in `folder`, and resolves once a client at `prefix` has its message back. The server ends with `owner`. `env` is added to
 * the environment, `show` gets what is printed.
 */
export async function follow(owner, { prefix, lines }, folder, { env = {}, show = () => {} } = {}) {
  if (await isServed()) throw new Error(`something listens at ${ORIGIN} already, where each quick start serves: stop it first`);
  const script = ["set -e", ...lines].join("\n");
  // Without a question, whatever the npm that started the tests was told.
  const all = { ...process.env, ...env, npm_config_yes: "true" };
  // The Node that README asks for.
  all.PATH = [dirname(nodeBinary), all.PATH].join(delimiter);
  const shell = spawnTied("/bin/sh", ["-c", script], { cwd: folder, env: all, stdio: ["pipe", "pipe"] });
  const exited = once(shell, "exit");
  owner.after(async () => {
    killGroup(shell);
    await exited;
    // Servers that the script started end with it, by themselves.
    await until(async () => !(await isServed()), "the end of the server");
  });
  let printed = "";
  for (const stream of [shell.stdout, shell.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      printed += text;
      show(text);
    });
  }

  const hasEnded = () => shell.exitCode !== null || shell.signalCode !== null;
  await until(async () => hasEnded() || isServed(prefix), `${prefix} to be served`, SERVED_MS);
  if (hasEnded()) throw new Error(`it ended by itself:\n${printed}`);
  const client = await connectStockClient(owner, ORIGIN + prefix, "websocket");
  client.send("hello");
  const answer = await client.messages.next();
  if (answer !== "hello") throw new Error(`the client got ${answer}`);
}

/** The server that README's gateway is in front of: an echo. */
export async function startBackend(owner) {
  const server = createServer();
  new WebSocketServer({ server, path: "/ws" }).on("connection", (socket) => socket.on("message", (data) => socket.send(String(data))));
  server.listen(9000, "127.0.0.1");
  await once(server, "listening");
  owner.after(() => {
    server.closeAllConnections();
    server.close();
  });
}

async function isServed(prefix = "") {
  try {
    const response = await fetch(`${ORIGIN}${prefix}${prefix && "/info"}`);
    await response.body?.cancel();
    return prefix === "" || response.ok;
  } catch {
    return false;
  }
}
