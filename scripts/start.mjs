// npm start: everything that is missing is installed, the Worker is built, and `wrangler dev` serves it and builds it
// again when a source changes. Arguments after `npm start --` go to wrangler. Unless they name an upstream, the gateway of the
// Worker leads to an echo in this process.

import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as setTimeoutPromise } from "node:timers/promises";
import { build } from "./build.mjs";
import { Problem, killGroup, main, spawnTied } from "./run.mjs";
import { requireGoodSettings } from "./settings.mjs";
import { setUp } from "./setup.mjs";
import { duration } from "./setup/progress.mjs";
import { mayHaveEchoUpstream, startEchoUpstream } from "./start/echo-upstream.mjs";
import { ROOT, nodeBinary, wranglerScript } from "./tools.mjs";

const STOP_WITHIN_MS = 3_000;
const POLL_MS = 250;

await main(import.meta, async () => {
  const { ip, port, environment, args } = withDefaults(process.argv.slice(2));
  await requireFreePort(ip, port); // before the minutes that a first build takes
  const times = [Date.now()];
  await setUp();
  times.push(Date.now());
  await build();
  times.push(Date.now());
  const upstream = mayHaveEchoUpstream(args, { environment }) ? await startEchoUpstream() : undefined;
  const ofGateway = upstream ? ["--var", `SOCKJS_UPSTREAM:${upstream.address}`] : [];
  const wrangler = spawnTied(nodeBinary, [wranglerScript, "dev", ...ofGateway, ...args], { cwd: ROOT, env: quietEnvironment() });

  let stopped = false;
  const stop = () => {
    if (stopped) return killGroup(wrangler); // the second Ctrl-C
    stopped = true;
    wrangler.kill("SIGTERM"); // wrangler removes its temporary files; workerd is not waited for
    setTimeout(killGroup, STOP_WITHIN_MS, wrangler).unref();
  };
  process.on("SIGINT", stop).on("SIGTERM", stop).on("SIGHUP", stop);

  const exited = once(wrangler, "exit");
  exited.then(() => upstream?.stop());
  const problem = await Promise.race([exited.then(() => {}), badSettings(`http://${ip}:${port}`, wrangler)]);
  if (problem) {
    stop();
    await exited;
    throw problem;
  }
  if (!stopped && wrangler.exitCode === null) process.stderr.write(readiness([...times, Date.now()]));
  const [code] = await exited;
  return stopped ? 0 : (code ?? 1);
});

function withDefaults(given) {
  const valueOf = (name) => {
    const at = given.findIndex((arg) => arg === name || arg.startsWith(`${name}=`));
    return at < 0 ? undefined : given[at].split("=")[1] ?? given[at + 1];
  };
  const defaults = ["--var", "SOCKJS_TEST_SERVICES:true", "--var", "SOCKJS_DEMO:true", "--var", "SOCKJS_DEVELOPMENT:true", "--show-interactive-dev-session=false"];
  const ip = valueOf("--ip") ?? "127.0.0.1";
  const chosen = valueOf("--port") ?? "8787";
  const port = Number(chosen);
  if (!/^\d+$/.test(chosen) || port > 65_535) throw new Problem(`--port takes a number from 0 to 65535, not ${chosen}`);
  if (valueOf("--ip") === undefined) defaults.push("--ip", ip);
  if (valueOf("--port") === undefined) defaults.push("--port", String(port));
  return { ip, port, environment: valueOf("--env") ?? valueOf("-e"), args: [...defaults, ...given] };
}

/** Returns what the time until the first answer went into. */
function readiness([begin, isSetUp, isBuilt, answers]) {
  const parts = { "set-up": isSetUp - begin, build: isBuilt - isSetUp, "wrangler dev": answers - isBuilt };
  const spent = Object.entries(parts).map(([name, ms]) => `${name} ${duration(ms)}`);
  return `npm start: ready after ${duration(answers - begin)} (${spent.join(", ")})\n`;
}

/** Resolves once the Worker answers: to what is wrong with its variables, which wrangler collects from many places. */
async function badSettings(url, wrangler) {
  while (wrangler.exitCode === null && wrangler.signalCode === null) {
    await setTimeoutPromise(POLL_MS);
    try {
      return await requireGoodSettings(url).then(() => {});
    } catch (error) {
      if (error instanceof Problem) return error;
    }
  }
}

async function requireFreePort(host, port) {
  const server = createServer();
  try {
    await new Promise((resolve, reject) => server.once("error", reject).listen({ host, port }, resolve));
    server.close();
  } catch (error) {
    if (error.code !== "EADDRINUSE") throw new Problem(`cannot listen on ${host}:${port}: ${error.message}`);
    throw new Problem(`${host}:${port} is already in use`, "stop what listens there, or: npm start -- --port 8788");
  }
}

/** wrangler without its calls home: it must work offline, and keep its files in the project. */
export function quietEnvironment() {
  return {
    ...process.env,
    WRANGLER_SEND_METRICS: "false",
    WRANGLER_SEND_ERROR_REPORTS: "false",
    WRANGLER_HIDE_BANNER: "true", // and with it the look for a newer version
    CLOUDFLARE_CF_FETCH_ENABLED: "false", // the sample of request.cf
    WRANGLER_LOG_PATH: join(ROOT, ".wrangler/logs"),
    WRANGLER_REGISTRY_PATH: join(ROOT, ".wrangler/registry"),
  };
}
