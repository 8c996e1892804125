// The facts of wrangler.toml that running the built Worker without wrangler needs.

import { readToml } from "./tools.mjs";

export function workerConfig() {
  const config = readToml("wrangler.toml");
  return {
    name: config.name,
    compatibilityDate: config.compatibility_date,
    compatibilityFlags: config.compatibility_flags,
    durableObjects: config.durable_objects.bindings.map(({ name, class_name }) => ({ binding: name, className: class_name })),
    vars: config.vars ?? {},
  };
}
