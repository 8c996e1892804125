// npm run gateway: servers that exist, behind the deployable Worker as their gateway, each by its recipe in docs/gateway.md. Further
// arguments name the servers.

import { fileURLToPath } from "node:url";
import { build } from "../../scripts/build.mjs";
import { UsageError, main, run } from "../../scripts/run.mjs";
import { setUp } from "../../scripts/setup.mjs";
import { nodeBinary } from "../../scripts/tools.mjs";
import { installWebsockets } from "./recipes/python.mjs";
import { findRabbitMq } from "./recipes/rabbitmq.mjs";

const MINUTES = 15;
const FLAGS = ["--no-deprecation", "--test", "--test-concurrency=1", `--test-timeout=${MINUTES * 60_000}`, "--test-reporter=spec"];
/** By name, what has to be there first: it throws a `Problem`, or installs what is missing. */
const RECIPES = {
  rabbitmq: findRabbitMq,
  "sockjs-node": () => {},
  ws: () => {},
  python: installWebsockets,
};
const USAGE = `usage: npm run gateway [-- NAME...]   each NAME is one of ${Object.keys(RECIPES).join(", ")}`;

await main(import.meta, async () => {
  const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(RECIPES);
  const unknown = names.find((name) => !Object.hasOwn(RECIPES, name));
  if (unknown) throw new UsageError(`there is no recipe "${unknown}"`, USAGE);
  for (const name of names) await RECIPES[name]();
  await setUp();
  await build();
  return run(nodeBinary, [...FLAGS, ...names.map(fileOf)], { stdio: [1, 2] });
});

function fileOf(name) {
  return fileURLToPath(new URL(`recipes/${name}.recipe.mjs`, import.meta.url));
}
