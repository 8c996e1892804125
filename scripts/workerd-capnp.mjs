// The configuration of plain workerd, a Cap'n Proto text (its schema is workerd.capnp in the npm package `workerd`).

/** One Worker that holds its own objects, on one socket. */
export function workerdCapnp({ address, objects, cluster, upstreamCa, ...worker }) {
  const http = { name: "http", address, service: text("worker") };
  const own = workerCapnp({ ...worker, isNode: cluster !== undefined });
  const network = networkOf(worker.vars);
  return configCapnp({ workers: { worker: own }, sockets: [http], objects, cluster, network, authorities: upstreamCa });
}

/** Where the Worker may send requests. It sends them to its upstream alone, which may be in a private network. */
export const networkOf = (vars) => (vars.SOCKJS_UPSTREAM ? ["public", "private"] : []);

/**
 * Workers by their names, the sockets that lead to them, the directory of the objects' storage, and the cluster that
 * this workerd is a node of, if it is one. `network` replaces the networks that workerd lets Workers reach, the public ones.
 * `authorities` are certificates in PEM, one a string, that Workers trust besides those that browsers trust.
 */
export function configCapnp({ workers, sockets, objects, cluster, network = [], authorities = [] }) {
  const services = [
    ...Object.keys(workers).map((name) => `(name = ${text(name)}, worker = .${name})`),
    `(name = "objects", disk = (path = ${text(objects)}, writable = true))`,
    ...(cluster ? [`(name = ${text(CLUSTER_PORT)}, external = (address = ${text(localAddress(cluster.address))}, http = ()))`] : []),
    ...(network.length > 0 ? [`(name = "internet", network = ${networkCapnp(network, authorities)})`] : []),
  ];
  const http = ({ name, address, service }) =>
    `(name = ${text(name)}, address = ${text(address)}, http = (), service = ${service})`;
  const constants = Object.entries(workers).map(([name, worker]) => `const ${name} :Workerd.Worker = ${worker};\n`);
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = ${list(services)},
  sockets = ${list(sockets.map(http))},${cluster ? `\n  cluster = ${clusterCapnp(cluster)},` : ""}
);

${constants.join("\n")}`;
}

/** The service of a node that is its own peer port, which knows whether the node has a lease. */
const CLUSTER_PORT = "cluster-port";

/** Returns the address at which this machine itself reaches a port that listens at `address`. */
function localAddress(address) {
  return address.replace(/^(0\.0\.0\.0|\*):/, "127.0.0.1:").replace(/^\[::\]:/, "[::1]:");
}

function networkCapnp(network, authorities) {
  const trusted = authorities.length > 0 ? `, trustedCertificates = ${list(authorities.map(text))}` : "";
  return `(allow = ${list(network.map(text))}, tlsOptions = (trustBrowserCas = true${trusted}))`;
}

/**
 * The cluster of a node. All its nodes have the same `bucket`, such as `s3://bucket/prefix`, and the same `key`; `options` are
 * the settings of the bucket, which workerd otherwise takes from the environment. Other nodes reach this one at `advertise`, by
 * default at `address`. `timeDivisor` shortens leases, for tests.
 */
function clusterCapnp({ bucket, options = {}, address, advertise, key, stopTimeoutMs, timeDivisor }) {
  const settings = Object.entries(options).map(([name, value]) => text(`${name}=${value}`));
  const fields = [
    `bucket = ${text(bucket)}`,
    `bucketOptions = ${list(settings)}`,
    `address = ${text(address)}`,
    ...(advertise ? [`advertise = ${text(advertise)}`] : []),
    `key = ${text(key)}`,
    ...(stopTimeoutMs ? [`stopTimeoutMs = ${stopTimeoutMs}`] : []),
    ...(timeDivisor ? [`unsafeTimeDivisor = ${timeDivisor}`] : []),
  ];
  return `(\n    ${fields.join(",\n    ")},\n  )`;
}

/**
 * A Worker. `modules` are files beside the configuration, each by its name, or as `{ name, file }` if it has another name for
 * the others; it starts with the first, or with `main`. `holder` is the Worker that holds its objects, where that is another one.
 * `isNode` is true for the entry of a node of a cluster, which asks the peer port before it answers `/ready`.
 */
export function workerCapnp({ name, compatibilityDate, compatibilityFlags, durableObjects, vars, modules, main, holder, isNode = false }) {
  const inHolder = holder ? `, serviceName = ${text(holder)}` : "";
  const bindings = [
    ...durableObjects.map(({ binding, className }) => {
      return `(name = ${text(binding)}, durableObjectNamespace = (className = ${text(className)}${inHolder}))`;
    }),
    ...(isNode ? [`(name = "CLUSTER_PORT", service = ${text(CLUSTER_PORT)})`] : []),
    ...Object.entries(vars).map(([key, value]) => `(name = ${text(key)}, ${variable(value)})`),
  ];
  const files = [...(main ? [main] : []), ...modules];
  return `(
  modules = ${list(files.map(module))},
  compatibilityDate = ${text(compatibilityDate)},
  compatibilityFlags = ${list(compatibilityFlags.map(text))},
  durableObjectNamespaces = ${list(holder ? [] : namespacesCapnp(name, durableObjects))},
  durableObjectStorage = (localDisk = "objects"),
  bindings = ${list(bindings)},
)`;
}

/** The classes of a Worker's objects. A class's unique key is the name of its folder in the storage. */
export function namespacesCapnp(name, durableObjects) {
  return durableObjects.map(
    ({ className }) => `(className = ${text(className)}, uniqueKey = ${text(`${name}-${className}`)}, enableSql = true)`,
  );
}

function module(given) {
  if (typeof given === "object") return moduleOf(given);
  // The wasm module is named as index.js imports it.
  return moduleOf({ name: given.endsWith(".wasm") ? `./${given}` : given, file: given });
}

function moduleOf({ name, file }) {
  return `(name = ${text(name)}, ${file.endsWith(".wasm") ? "wasm" : "esModule"} = embed ${text(file)})`;
}

function list(items) {
  return `[${items.map((item) => `\n    ${item},`).join("")}\n  ]`;
}

/** Numbers and booleans keep their type, as wrangler lets them. */
export function variable(value) {
  return typeof value === "string" ? `text = ${text(value)}` : `json = ${text(JSON.stringify(value))}`;
}

/** A Cap'n Proto string literal: UTF-8 as it is, control characters as \\xHH. */
export function text(value) {
  const escaped = value.replace(/["\\]/g, "\\$&").replace(/[\x00-\x1f\x7f]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
  return `"${escaped}"`;
}
