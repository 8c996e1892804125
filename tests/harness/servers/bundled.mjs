// Builds an application in TypeScript or JavaScript into a Worker, bundled like wrangler does, with this project's npm package.

import { build } from "esbuild";
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { buildPackage } from "../../../scripts/build.mjs";
import { PACKAGE_DIR, ROOT, TARGET_DIR } from "../../../scripts/tools.mjs";

const WASM = "index_bg.wasm";
const FLAGS = ["enable_request_signal"];

/**
 * Bundles an application, and returns the options of `startServer` for it.
 *
 * @param {string} entry the application's module
 * @param {object} [options]
 * @param {string} [options.name] of the folder of the result
 * @param {string[]} [options.flags] compatibility flags beside the one that every application needs
 */
export async function bundled(entry, { name, flags = [] }) {
  await buildPackage();
  const out = join(TARGET_DIR, "typescript", name);
  mkdirSync(out, { recursive: true });
  /** Modules of Node by their short names, as CommonJS requires them: wrangler does the same with the flag nodejs_compat. */
  const node = {
    name: "node",
    setup(build) {
      build.onResolve({ filter: /^(events|stream)$/ }, ({ path }) => ({ path, namespace: "node" }));
      build.onLoad({ filter: /.*/, namespace: "node" }, ({ path }) => ({
        contents: `export * from "node:${path}"; export { default } from "node:${path}";`,
      }));
    },
  };
  const wasm = {
    name: "wasm",
    setup(build) {
      build.onResolve({ filter: /\.wasm$/ }, () => ({ path: `./${WASM}`, external: true }));
    },
  };
  await build({
    entryPoints: [entry],
    outfile: join(out, "index.js"),
    bundle: true,
    format: "esm",
    target: "es2022",
    conditions: ["workerd"],
    external: ["cloudflare:*", "node:*"],
    alias: { "sockjs-edge": join(ROOT, "typescript/src/index.js") },
    plugins: [wasm, node],
    sourcemap: "inline",
    logLevel: "warning",
  });
  copyFileSync(join(PACKAGE_DIR, WASM), join(out, WASM));
  const config = {
    name,
    compatibilityDate: "2026-11-01",
    compatibilityFlags: [...FLAGS, ...flags],
    durableObjects: [{ binding: "SOCKJS", className: "SockJs" }],
    vars: {},
  };
  return { build: out, config };
}
