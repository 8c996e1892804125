// The files of a bundle. The same inputs make the same bundle.

import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { CLUSTER_VARS, NODE_ENTRY } from "../cluster/local.mjs";
import { Problem, follow } from "../run.mjs";
import { NODE_MODULES, ROOT, esbuildBinary, readToml, workerdBinary } from "../tools.mjs";
import { namespacesCapnp, text, variable } from "../workerd-capnp.mjs";

const CLUSTER = join(ROOT, "cluster");
const COPIED = ["start.sh", "start", "deploy", "README.md", ".dockerignore"];
const VERSION = "VERSION";
const TITLE = "sockjs-edge bundle";

const FOLDERS = ["worker", "tools", "licenses"];
const PROGRAMS = ["start.sh", "workerd"];
/** All that a bundle has at its top. */
const PARTS = [...COPIED, ...FOLDERS, VERSION, "workerd"];
/** Where start.sh keeps its storage if it runs in the bundle without DATA_DIR. */
const DATA = "data";

/** Refuses a directory that has anything but a bundle: it would be deleted. */
export function requireReplaceable(out) {
  if (!existsSync(out)) return;
  const names = readdirSync(out);
  if (names.length === 0) return;
  if (!isBundle(out)) throw new Problem(`${out} is not empty, and no bundle`, "choose another directory with --out");
  if (names.includes(DATA)) {
    throw new Problem(
      `${out} has ${DATA}/, the storage of a machine that runs this bundle`,
      `stop it, move ${DATA}/ to another place, and start it with DATA_DIR set to that place; or choose another directory with --out`,
    );
  }
  const other = names.find((name) => !PARTS.includes(name));
  if (other) throw new Problem(`${out} has ${other}, which is no part of a bundle`, "move it away, or choose another directory with --out");
}

function isBundle(directory) {
  const file = join(directory, VERSION);
  return existsSync(file) && readFileSync(file, "utf8").startsWith(TITLE);
}

/**
 * Writes a bundle.
 *
 * @param {object} options
 * @param {string} options.out a new directory, an empty one, or a bundle, which is replaced
 * @param {ReturnType<typeof import("./project.mjs").readProject>} options.project
 * @param {string[]} options.names variables that the application takes from the environment, besides those in its [vars]
 */
export async function writeBundle({ out, project, names = [] }) {
  if (process.platform !== "linux") throw new Problem("a bundle has the workerd of the machine that makes it, and runs on Linux", "make it on Linux");
  requireReplaceable(out);
  rmSync(out, { recursive: true, force: true });
  for (const folder of FOLDERS) mkdirSync(join(out, folder), { recursive: true });
  // The first file: an unfinished bundle may be replaced, too.
  writeFileSync(join(out, VERSION), `${TITLE}\n\n${versions().map(([name, version]) => `${name} ${version}`).join("\n")}\n`);
  copyFileSync(workerdBinary, join(out, "workerd"));
  for (const name of COPIED) cpSync(join(CLUSTER, name), join(out, name), { recursive: true });
  writeWorker(join(out, "worker"), project, names);
  await writeTools(join(out, "tools"));
  writeLicenses(join(out, "licenses"));
  setModes(out);
}

/** Lets every user read and run the bundle, whatever the umask of its maker is: a service and an image run as users of their own. */
function setModes(out) {
  chmodSync(out, 0o755);
  for (const entry of readdirSync(out, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    chmodSync(path, entry.isDirectory() || PROGRAMS.includes(relative(out, path)) ? 0o755 : 0o644);
  }
}

/** The modules, and what start.sh puts into workerd's configuration. */
function writeWorker(directory, project, names) {
  const own = NODE_ENTRY.map((file) => ({ name: basename(file), file }));
  const modules = [...own, ...project.modules];
  const twice = project.modules.find(({ name }) => own.some((one) => one.name === name));
  if (twice) throw new Problem(`the Worker has a module ${twice.name}, as the bundle does`, "give it another name");
  for (const { name, file } of modules) copyFileSync(file, join(directory, name));
  writeFileSync(join(directory, "worker.capnp"), workerCapnp(project, modules));

  const bindings = project.durableObjects.map(
    ({ binding, className }) => `    (name = ${text(binding)}, durableObjectNamespace = ${text(className)}),\n`,
  );
  writeFileSync(join(directory, "bindings"), bindings.join(""));
  writeFileSync(join(directory, "variables"), defaults(project.vars));
  writeFileSync(join(directory, "cluster-variables"), defaults(CLUSTER_VARS));
  writeFileSync(join(directory, "names"), lines([...new Set([...Object.keys(project.vars), ...names])].sort()));
}

function workerCapnp({ name, compatibilityDate, compatibilityFlags, durableObjects }, modules) {
  return `# The Worker of the bundle. start.sh adds its bindings.

using Workerd = import "/workerd/workerd.capnp";

const modules :List(Workerd.Worker.Module) = ${list(modules.map(({ name }) => moduleCapnp(name)))};

const compatibilityDate :Text = ${text(compatibilityDate)};

const compatibilityFlags :List(Text) = ${list(compatibilityFlags.map(text))};

const durableObjectNamespaces :List(Workerd.Worker.DurableObjectNamespace) = ${list(namespacesCapnp(name, durableObjects))};
`;
}

const MODULE_KINDS = { js: "esModule", mjs: "esModule", wasm: "wasm", txt: "text", html: "text", bin: "data" };

function moduleCapnp(name) {
  const kind = MODULE_KINDS[name.split(".").at(-1)];
  // Other modules import this one as "./name".
  return `(name = ${text(kind === "esModule" ? name : `./${name}`)}, ${kind} = embed ${text(name)})`;
}

function list(items) {
  return `[\n${items.map((item) => `  ${item},\n`).join("")}]`;
}

/** One variable a line, with the value that it has unless the environment has one. Numbers and booleans keep their type. */
function defaults(vars) {
  return lines(Object.entries(vars).map(([name, given]) => `${name} ${variable(given)}`));
}

const lines = (items) => items.map((item) => `${item}\n`).join("");

/** The Workers that start.sh runs before and beside the node. */
async function writeTools(directory) {
  const source = join(CLUSTER, "tools");
  for (const name of readdirSync(source).filter((name) => name.endsWith(".capnp"))) copyFileSync(join(source, name), join(directory, name));
  const modules = ["check.js", "control.js", "settings.js"].map((name) => join(source, name));
  const options = ["--bundle", "--format=esm", "--target=es2022", "--log-level=warning", `--outdir=${directory}`];
  const { code, output } = await follow(esbuildBinary, [...options, ...modules]);
  if (code !== 0) throw new Problem(`esbuild failed:\n${output.trim()}`);
}

/** Licenses of all that the bundle contains. */
function writeLicenses(directory) {
  for (const name of ["LICENSE-APACHE", "LICENSE-MIT"]) copyFileSync(join(ROOT, name), join(directory, `sockjs-edge.${name}`));
  // The package of workerd names its license, and has no file of it.
  copyFileSync(join(ROOT, "LICENSE-APACHE"), join(directory, "workerd.LICENSE"));
  copyFileSync(join(NODE_MODULES, "aws4fetch/LICENSE"), join(directory, "aws4fetch.LICENSE"));
}

function versions() {
  const ofPackage = (name) => JSON.parse(readFileSync(join(NODE_MODULES, name, "package.json"), "utf8")).version;
  return [["sockjs-edge", readToml("Cargo.toml").workspace.package.version], ...["workerd", "aws4fetch"].map((name) => [name, ofPackage(name)])];
}
