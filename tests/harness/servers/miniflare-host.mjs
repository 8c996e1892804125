// A built Worker in Miniflare, in a process of its own, so that it can be killed with all of its children. It takes requests and
// returns answers as lines of JSON on descriptor 3, each with the number of its request: see miniflare.mjs.

import { Miniflare } from "miniflare";
import { readFileSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";

const control = new Socket({ fd: 3 });
const answer = (message) => control.write(`${JSON.stringify(message)}\n`);

const { storage, vars, build, config, rateLimits, client } = JSON.parse(process.argv[2]);
const { name, compatibilityDate, compatibilityFlags, durableObjects } = config;
const [{ binding, className }] = durableObjects;
const contents = (file) => readFileSync(join(build, file));
const text = ([key, value]) => [key, { type: "text", value }];
const rateLimit = ([key, limit]) => [key, { type: "rate-limit", namespace: key, simple: { limit, period: 60 } }];

const CLIENT = "client";

/** See miniflare-client.mjs. */
function clientWorker() {
  const contents = readFileSync(new URL("miniflare-client.mjs", import.meta.url));
  return {
    config: {
      name: CLIENT,
      compatibilityDate,
      manifest: { mainModule: "client.js", modules: { "client.js": { type: "esm", contents } } },
      env: { SERVER: { type: "worker", worker: name } },
    },
    dev: { unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }] },
  };
}

const miniflare = new Miniflare({
  host: "127.0.0.1",
  port: 0,
  resourcePersistencePath: storage,
  telemetry: { enabled: false },
  unsafeTriggerHandlers: true, // for cron triggers: see below
  cf: false,
  workers: [
    {
      config: {
        name,
        compatibilityDate,
        compatibilityFlags,
        manifest: {
          mainModule: "index.js",
          modules: {
            "index.js": { type: "esm", contents: contents("index.js") },
            "index_bg.wasm": { type: "wasm", contents: contents("index_bg.wasm") },
          },
        },
        exports: { [className]: { type: "durable-object", storage: "sqlite" } },
        env: {
          [binding]: { type: "durable-object", worker: name, exportName: className },
          ...Object.fromEntries(Object.entries(vars).map(text)),
          ...Object.fromEntries(Object.entries(rateLimits).map(rateLimit)),
        },
      },
      // Bypasses Miniflare's own entry, whose compression would change the bytes on the wire.
      dev: { unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }] },
    },
    ...(client ? [clientWorker()] : []),
  ],
});

await miniflare.ready;
const url = async (worker) => (await miniflare.unsafeGetDirectURL(worker)).origin;
answer({ url: await url(name), clientUrl: client && (await url(CLIENT)) });

for await (const line of createInterface({ input: control })) {
  const { number, ...order } = JSON.parse(line);
  // An eviction waits until the object is idle. Later orders do not wait for it.
  carryOut(order).then(
    () => answer({ number }),
    (error) => answer({ number, error: error.message }),
  );
}

async function carryOut({ evict, cron }) {
  if (evict) await miniflare.unsafeEvictDurableObject(name, className, evict);
  if (cron) await runCron(cron);
}

async function runCron(cron) {
  const url = `http://localhost/cdn-cgi/local/scheduled?cron=${encodeURIComponent(cron)}`;
  const outcome = await (await miniflare.dispatchFetch(url)).text();
  if (outcome !== "ok") throw new Error(`the cron ended with ${outcome}`);
}
