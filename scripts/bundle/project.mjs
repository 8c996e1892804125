// A project whose Worker goes into a bundle: what its wrangler configuration says, and the modules that were built.

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, extname, join } from "node:path";
import { Problem } from "../run.mjs";
import { BUILD_DIR, ROOT } from "../tools.mjs";

const CONFIGURATIONS = ["wrangler.toml", "wrangler.json", "wrangler.jsonc"];

/** What only Cloudflare has, by its name in the configuration. */
const ELSEWHERE = {
  ratelimits: "set SOCKJS_ADDRESS_LIMIT where the bundle runs",
  analytics_engine_datasets: "the metrics of /metrics are there in a bundle, too",
};
const OTHER_BINDINGS = [
  "ai", "browser", "d1_databases", "dispatch_namespaces", "hyperdrive", "images", "kv_namespaces", "mtls_certificates", "pipelines",
  "queues", "r2_buckets", "secrets_store_secrets", "send_email", "services", "vectorize", "version_metadata", "workflows",
];

/** The Worker of this project. */
export const ownProject = () => readProject(ROOT, { build: BUILD_DIR });

/**
 * @returns {{ name: string, compatibilityDate: string, compatibilityFlags: string[], durableObjects: { binding: string,
 *   className: string }[], vars: Record<string, unknown>, modules: { name: string, file: string }[] }} the first module is the Worker's
 */
export function readProject(directory, { build = join(directory, "build") } = {}) {
  const file = CONFIGURATIONS.map((name) => join(directory, name)).find((path) => existsSync(path));
  if (!file) throw new Problem(`${directory} has no wrangler.toml, wrangler.json or wrangler.jsonc`, "--worker takes the directory of a project");
  const config = read(file);
  for (const key of [...Object.keys(ELSEWHERE), ...OTHER_BINDINGS]) {
    const fix = ELSEWHERE[key] ?? "the application has to do without it";
    if (key in config) throw new Problem(`${file}: outside Cloudflare there is no ${key}`, `leave it out; ${fix}`);
  }
  const bindings = config.durable_objects?.bindings ?? [];
  if (bindings.length === 0) throw new Problem(`${file} has no Durable Object`, "SockJS needs the class SockJs: see the README of sockjs-edge");
  const foreign = bindings.find(({ script_name }) => script_name);
  if (foreign) throw new Problem(`${file}: the class ${foreign.class_name} is another Worker's`, "a bundle has one Worker: export the class from it");
  return {
    name: config.name,
    compatibilityDate: config.compatibility_date,
    compatibilityFlags: config.compatibility_flags ?? [],
    durableObjects: bindings.map(({ name, class_name }) => ({ binding: name, className: class_name })),
    vars: config.vars ?? {},
    modules: builtModules(build, config.main),
  };
}

function read(file) {
  const content = readFileSync(file, "utf8");
  // The set-up comes first: the parser is an installed package.
  const { parse } = file.endsWith(".toml") ? createRequire(import.meta.url)("smol-toml") : JSON;
  try {
    return parse(file.endsWith(".toml") ? content : withoutComments(content));
  } catch (error) {
    throw new Problem(`${file}: ${error.message.trim()}`, "correct that line");
  }
}

/** JSON without comments, and without commas before a closing bracket. Strings stay as they are. */
function withoutComments(content) {
  const bare = content.replace(/("(?:\\.|[^"\\])*")|\/\/.*|\/\*[^]*?\*\//g, (_, string) => string ?? "");
  return bare.replace(/("(?:\\.|[^"\\])*")|,(?=\s*[\]}])/g, (_, string) => string ?? "");
}

/** The modules beside the Worker's main one, which gets the name by which the modules of a node import it. */
function builtModules(build, main = "index.js") {
  const entry = `${basename(main, extname(main))}.js`;
  const files = existsSync(build) ? readdirSync(build, { withFileTypes: true }).filter((one) => one.isFile()).map(({ name }) => name) : [];
  if (!files.includes(entry)) throw new Problem(`${join(build, entry)} is missing`, "build the project first: npm run bundle -- --help says how");
  const others = files.filter((name) => /\.(m?js|wasm|txt|html|bin)$/.test(name) && name !== entry).sort();
  return [{ name: "index.js", file: join(build, entry) }, ...others.map((name) => ({ name, file: join(build, name) }))];
}
