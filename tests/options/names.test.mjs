// The documents have the names that the code reads from its environment.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../../scripts/tools.mjs";

const read = (file) => readFileSync(join(ROOT, file), "utf8");

test("docs/options.md has each name that the library reads", () => {
  const files = ["src", "durable/src"].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true }).filter((name) => name.endsWith(".rs")).map((name) => join(folder, name)),
  );
  const names = files.flatMap((file) => read(file).match(/(?<=")SOCKJS_[A-Z_]+(?=")/g) ?? []);
  const [, table] = /the library reads these names:\n\n(.*?)\n\n/s.exec(read("docs/options.md"));
  assert.deepEqual(table.match(/(?<=^\| `)SOCKJS_\w+/gm).sort(), [...new Set(names)].sort());
});

test("wrangler.toml has each variable and each secret that the deployable Worker knows beside the options", () => {
  const [, known] = /let others =\s*\[(.*?)\]/s.exec(read("server/src/settings.rs"));
  const names = known.match(/\w+/g).map((name) => `SOCKJS_${name}`);
  const toml = read("wrangler.toml");
  assert.deepEqual(names.filter((name) => !new RegExp(`^# ${name} `, "m").test(toml)), []);
});
