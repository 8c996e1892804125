// The configuration of plain workerd, a Cap'n Proto text (its schema is workerd.capnp in the npm package `workerd`).

/** `modules` are files beside the configuration; the first is the Worker, the others are what it imports. */
export function workerdCapnp(config) {
  const { name, compatibilityDate, compatibilityFlags, durableObjects, vars, address, objects, modules } = config;
  const bindings = [
    ...durableObjects.map(
      ({ binding, className }) => `(name = ${text(binding)}, durableObjectNamespace = ${text(className)})`,
    ),
    ...Object.entries(vars).map(([key, value]) => `(name = ${text(key)}, ${variable(value)})`),
  ];
  // A class's unique key is the name of its folder in the storage.
  const namespaces = durableObjects.map(
    ({ className }) => `(className = ${text(className)}, uniqueKey = ${text(`${name}-${className}`)}, enableSql = true)`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "worker", worker = .worker),
    (name = "objects", disk = (path = ${text(objects)}, writable = true)),
  ],
  sockets = [(name = "http", address = ${text(address)}, http = (), service = "worker")],
);

const worker :Workerd.Worker = (
  modules = ${list(modules.map(module))},
  compatibilityDate = ${text(compatibilityDate)},
  compatibilityFlags = ${list(compatibilityFlags.map(text))},
  durableObjectNamespaces = ${list(namespaces)},
  durableObjectStorage = (localDisk = "objects"),
  bindings = ${list(bindings)},
);
`;
}

function module(file) {
  // The wasm module is named as index.js imports it.
  if (file.endsWith(".wasm")) return `(name = ${text(`./${file}`)}, wasm = embed ${text(file)})`;
  return `(name = ${text(file)}, esModule = embed ${text(file)})`;
}

function list(items) {
  return `[${items.map((item) => `\n    ${item},`).join("")}\n  ]`;
}

/** Numbers and booleans keep their type, as wrangler lets them. */
function variable(value) {
  return typeof value === "string" ? `text = ${text(value)}` : `json = ${text(JSON.stringify(value))}`;
}

/** A Cap'n Proto string literal: UTF-8 as it is, control characters as \\xHH. */
function text(value) {
  const escaped = value.replace(/["\\]/g, "\\$&").replace(/[\x00-\x1f\x7f]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
  return `"${escaped}"`;
}
