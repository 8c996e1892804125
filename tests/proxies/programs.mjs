// The proxies: where each program is found, and what a test replaces in its documented configuration to run it here.

import { readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { Problem, isExecutable } from "../../scripts/run.mjs";
import { ROOT } from "../../scripts/tools.mjs";

/** Daemons are there on Debian, which has it in the PATH of root alone. */
const SYSTEM = ["/usr/sbin", "/usr/local/sbin"];

/** Places in the configurations of cluster/proxies/. A test replaces each by one of its own. */
const NODES = ["127.0.0.1:8787", "127.0.0.1:8788", "127.0.0.1:8789"];
const CERTIFICATE = "/etc/ssl/example.com.pem";
const KEY = "/etc/ssl/example.com.key";
/** All idle timeouts, and nothing else. */
const IDLE = "60s";

/**
 * By the name of a test: the Debian package of the program, the name of the program if it is another one, its configuration below
 * cluster/, the options in it that are idle timeouts, what is replaced besides the common facts, and its arguments. `nodes` are the
 * addresses in a configuration that has others than the rest. `takeOut` changes the configuration of one that has no health check.
 */
export const PROXIES = {
  nginx: {
    package: "nginx-light",
    file: "proxies/nginx.conf",
    idle: ["proxy_read_timeout", "proxy_send_timeout"],
    replacements: ({ port, directory }) => [
      ["listen 443 ssl", `listen 127.0.0.1:${port} ssl`],
      // Otherwise these are below /var, where only root may write.
      ["http {", ["http {", "access_log off;", ...TEMPORARY.map((name) => `${name}_temp_path ${directory}/${name};`)].join("\n")],
    ],
    // It has no active health check: the operator takes a node out, and has the configuration read again.
    takeOut: (text, node) => text.replace(`server ${node} `, `server ${node} down `),
    args: ({ config, directory }) => ["-p", directory, "-c", config, "-e", "stderr", "-g", `daemon off; pid ${directory}/pid; ${AS_ROOT}`],
  },
  haproxy: {
    package: "haproxy",
    file: "proxies/haproxy.cfg",
    idle: ["timeout client", "timeout server", "timeout tunnel"],
    replacements: ({ port }) => [["bind :443", `bind 127.0.0.1:${port}`]],
    args: ({ config }) => ["-db", "-f", config],
  },
  compose: {
    package: "haproxy",
    program: "haproxy",
    file: "deploy/haproxy.cfg",
    hasTls: false,
    nodes: ["node1:8787", "node2:8787", "node3:8787"],
    idle: ["timeout client", "timeout server", "timeout tunnel"],
    replacements: ({ port }) => [["bind :8080", `bind 127.0.0.1:${port}`]],
    args: ({ config }) => ["-db", "-f", config],
  },
  caddy: {
    package: "caddy",
    file: "proxies/Caddyfile",
    idle: ["read_timeout"],
    replacements: ({ port }) => [
      // Without its API at a fixed port, and without a redirect from port 80.
      ["example.com {", `{\nadmin off\nauto_https disable_redirects\n}\nhttps://127.0.0.1:${port}, https://localhost:${port} {`],
    ],
    args: ({ config }) => ["run", "--adapter", "caddyfile", "--config", config],
  },
};

/** The workers of a nginx that root started run as another user, to whom the temporary directory is closed. */
const AS_ROOT = process.getuid() === 0 ? "user root;" : "";
const TEMPORARY = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

/** Returns the path of the program of a proxy. */
export function proxyProgram(name) {
  const { program = name, package: debianPackage } = PROXIES[name];
  return findProgram(program, debianPackage);
}

/** Returns the path of a program. */
export function findProgram(name, debianPackage) {
  const directories = [...(process.env.PATH ?? "").split(delimiter), ...SYSTEM];
  const found = directories.map((directory) => join(directory, name)).find(isExecutable);
  if (found) return found;
  throw new Problem(`${name} was not found in PATH or in ${SYSTEM.join(", ")}`, `apt-get install --no-install-recommends ${debianPackage}`);
}

/** Returns the documented configuration of a proxy. */
export function documented(name) {
  return readFileSync(join(ROOT, "cluster", PROXIES[name].file), "utf8");
}

/** Returns the documented configuration with the places of a test. */
export function configured(name, { nodes, certificate, key, idle, ...places }) {
  const { file, nodes: documentedNodes = NODES, hasTls = true, replacements: own } = PROXIES[name];
  const replacements = [
    ...documentedNodes.map((node, number) => [node, nodes[number % nodes.length]]),
    ...own(places),
    ...(hasTls ? [[CERTIFICATE, certificate], [KEY, key]] : []),
    [IDLE, idle],
  ];
  // Comments speak of the same places.
  const text = documented(name).replace(/^\s*#.*\n/gm, "");
  return replacements.reduce((text, [from, to]) => {
    if (!text.includes(from) && from !== KEY) throw new Error(`${file} has no ${from}`);
    return text.replaceAll(from, to);
  }, text);
}
