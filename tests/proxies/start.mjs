// Starts a proxy in the foreground, with its documented configuration, at a free port.

import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../scripts/free-port.mjs";
import { killGroup, spawnTied } from "../../scripts/run.mjs";
import { removeDirectory, temporaryDirectory } from "../harness/machine/temporary.mjs";
import { until } from "../harness/waiting/wait.mjs";
import { PROXIES, configured, proxyProgram } from "./programs.mjs";

/**
 * Resolves once the proxy accepts connections, to its URL, and to `leaveOut`, which does what the operator does before a node is
 * drained, and without a node what is done after it was started: nothing where the proxy has a health check.
 *
 * @param owner what it ends with: a test's context, or `{ after }` of node:test for a file
 * @param {string} name in PROXIES
 * @param {object} options
 * @param {string[]} options.nodes URLs
 * @param {string} options.idle idle timeout, such as "3s"
 * @param {(text: string) => string} [options.change] changes the configuration
 */
export async function startProxy(owner, name, { nodes, idle, change = (text) => text }) {
  const { args, takeOut, hasTls = true } = PROXIES[name];
  const program = proxyProgram(name);
  const directory = temporaryDirectory();
  owner.after(() => removeDirectory(directory));
  const port = await freePort();
  const config = join(directory, "config");
  const files = { certificate: process.env.SOCKJS_PROXY_CERTIFICATE, key: process.env.SOCKJS_PROXY_KEY };
  const hosts = nodes.map((url) => new URL(url).host);
  const text = change(configured(name, { nodes: hosts, port, directory, idle, ...files }));
  writeFileSync(config, text);

  const env = { ...process.env, HOME: directory, XDG_CONFIG_HOME: directory, XDG_DATA_HOME: directory };
  const child = spawnTied(program, args({ config, directory }), { stdio: ["pipe", "pipe"], env });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text) => {
      printed = (printed + text).slice(-4_000);
      if (process.env.SOCKJS_PROXY_LOG) process.stderr.write(text);
    });
  }
  let isRunning = true;
  const exited = once(child, "exit").then(() => (isRunning = false));
  owner.after(async () => {
    killGroup(child);
    await exited;
  });
  await until(async () => !isRunning || (await accepts(port)), `${name} to accept connections`);
  if (!isRunning) throw new Error(`${name} did not start:\n${printed}`);
  return {
    url: `http${hasTls ? "s" : ""}://127.0.0.1:${port}`,
    async leaveOut(node) {
      if (!takeOut) return;
      writeFileSync(config, node ? takeOut(text, new URL(node.url).host) : text);
      process.kill(child.pid, "SIGHUP");
      await sleep(RELOAD_MS);
    },
  };
}

/** The proxy does not tell when it has read its configuration again. */
const RELOAD_MS = 1_000;

async function accepts(port) {
  const socket = connect(port, "127.0.0.1");
  const accepted = await Promise.race([once(socket, "connect").then(() => true), once(socket, "close").then(() => false)]).catch(() => false);
  socket.destroy();
  return accepted;
}
