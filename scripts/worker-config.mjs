// The facts of a wrangler.toml that running a built Worker without wrangler needs.

import { readToml } from "./tools.mjs";

/** `environment`, such as "staging", has variables of its own and takes no others. */
export function workerConfig({ file = "wrangler.toml", environment } = {}) {
  const config = readToml(file);
  return {
    name: config.name,
    compatibilityDate: config.compatibility_date,
    compatibilityFlags: config.compatibility_flags,
    durableObjects: config.durable_objects.bindings.map(({ name, class_name }) => ({ binding: name, className: class_name })),
    vars: (environment === undefined ? config.vars : config.env?.[environment]?.vars) ?? {},
  };
}
