// The facts of wrangler.toml that running the built Worker without wrangler needs.

import { readToml } from "./tools.mjs";

/** `environment`, such as "staging", has variables of its own and takes no others. */
export function workerConfig(environment) {
  const config = readToml("wrangler.toml");
  return {
    name: config.name,
    compatibilityDate: config.compatibility_date,
    compatibilityFlags: config.compatibility_flags,
    durableObjects: config.durable_objects.bindings.map(({ name, class_name }) => ({ binding: name, className: class_name })),
    vars: (environment === undefined ? config.vars : config.env?.[environment]?.vars) ?? {},
  };
}
