// The upload of `npm run deploy`, by its dry run, which needs no account and no network.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { parse as parseToml } from "smol-toml";
import { follow } from "../scripts/run.mjs";
import { BUILD_DIR, ROOT, nodeBinary, wranglerScript } from "../scripts/tools.mjs";
import { removeDirectory, temporaryDirectory } from "./harness/machine/temporary.mjs";

const CLASS = "env.SOCKJS (SockJs)";
/** The Worker starts in a second at most, and a small one starts soon. */
const GZIP_KIB_MAX = 512;
/** Bytes of the module alone, gzipped: 380,900 in November 2026, and some more. The gateway takes 60,000 of them, 44,000 for WebSocket-over-HTTP. */
const MODULE_GZIP_MAX = 382_000;

/** With an option that needs a secret, of which nothing is known here. */
test("npm run deploy -- --dry-run: the Worker, its module of WebAssembly, and the bindings of wrangler.toml", async (t) => {
  const { folder, env } = nobody(t);
  const args = ["--dry-run", "--outdir", folder, "--var", "SOCKJS_HEARTBEAT_DELAY:10000", "--var", "SOCKJS_TICKETS:true"];
  const printed = await succeed([join(ROOT, "scripts/deploy.mjs"), ...args], { cwd: ROOT, env });
  assert.match(printed, /--dry-run: exiting now/);
  const [, gzip] = /gzip: ([\d.]+) KiB/.exec(printed);
  t.diagnostic(`the upload is ${gzip} KiB, gzipped`);
  assert.ok(Number(gzip) < GZIP_KIB_MAX, `${gzip} KiB`);
  assert.deepEqual(bindings(printed), [CLASS, 'env.SOCKJS_HEARTBEAT_DELAY ("(hidden)")', 'env.SOCKJS_TICKETS ("(hidden)")']);

  const wasm = /from "\.\/([\w.-]+\.wasm)"/.exec(readFileSync(join(folder, "index.js"), "utf8"));
  const module = readFileSync(join(BUILD_DIR, "index_bg.wasm"));
  assert.deepEqual(readFileSync(join(folder, wasm[1])), module);
  const size = gzipSync(module, { level: 9 }).length;
  assert.ok(size < MODULE_GZIP_MAX, `the module has ${size} bytes, gzipped`);
});

test("each setting that stands in wrangler.toml as a comment is one that wrangler takes", async (t) => {
  const { folder, env } = nobody(t);
  const main = JSON.stringify(join(BUILD_DIR, "index.js"));
  const toml = readFileSync(join(ROOT, "wrangler.toml"), "utf8")
    .replace('"build/index.js"', main)
    .replace(/^\[build\]\n(.+\n)+/m, "")
    .replace(/^# (?=[[{\]]|  \{|[A-Za-z_.]+ = )/gm, "");
  writeFileSync(join(folder, "wrangler.toml"), toml);
  const deploy = (environment) => succeed([wranglerScript, "deploy", "--dry-run", "--env", environment], { cwd: folder, env });

  const found = bindings(await deploy(""));
  const named = [CLASS, "env.SOCKJS_ANALYTICS (sockjs)", "env.LIMITER (60 requests/60s)"];
  assert.deepEqual(found.filter((binding) => named.includes(binding)).sort(), named.sort());
  const { vars, workers_dev, routes } = parseToml(toml);
  assert.equal(found.length, named.length + Object.keys(vars).length, found.join("\n"));
  assert.deepEqual([workers_dev, routes.length], [false, 2]);
  assert.deepEqual(bindings(await deploy("staging")), [CLASS, "env.SOCKJS_HEARTBEAT_DELAY (10000)"]);
});

/** A folder, and the environment of someone who has no account: wrangler keeps one's login at home. */
function nobody(t) {
  const folder = temporaryDirectory();
  t.after(() => removeDirectory(folder));
  const { CLOUDFLARE_API_TOKEN, CLOUDFLARE_ACCOUNT_ID, ...env } = process.env;
  const home = { XDG_CONFIG_HOME: folder, WRANGLER_HOME: folder };
  return { folder, env: { ...env, ...home, NO_COLOR: "1", WRANGLER_SEND_METRICS: "false", WRANGLER_HIDE_BANNER: "true" } };
}

async function succeed(args, options) {
  const { code, output } = await follow(nodeBinary, args, options);
  assert.equal(code, 0, output);
  assert.doesNotMatch(output, /unexpected fields/i);
  return output;
}

/** As wrangler lists them. */
function bindings(printed) {
  return [...printed.matchAll(/^(env\..*?\)) {2,}/gm)].map(([, binding]) => binding);
}
