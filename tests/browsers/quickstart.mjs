// npm run quickstart: what README's quick start says, to the letter, with a clone of the last commit in an empty folder: from
// there to the first message that comes back in the page. The packages come from where they usually do, or their caches.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Problem, follow, killGroup, main, run, spawnTied } from "../../scripts/run.mjs";
import { setUp } from "../../scripts/setup.mjs";
import { ROOT } from "../../scripts/tools.mjs";
import { startChromium } from "../harness/clients/chromium.mjs";
import { removeDirectory, temporaryDirectory } from "../harness/machine/temporary.mjs";
import { openDemo } from "./demo-page.mjs";

const ASK_EVERY_MS = 500;

await main(import.meta, async () => {
  await setUp(); // of this folder, for the browser's driver
  const folder = temporaryDirectory();
  const atEnd = [() => removeDirectory(folder)];
  try {
    await followQuickStart(join(folder, "sockjs-edge"), { after: (end) => atEnd.unshift(end) });
  } finally {
    for (const end of atEnd) await end();
  }
});

async function followQuickStart(clone, owner) {
  const started = Date.now();
  if ((await run("git", ["clone", "--quiet", ROOT, clone])) !== 0) throw new Problem("the repository could not be cloned");
  const { command, page, examples } = readQuickStart(readFileSync(join(clone, "README.md"), "utf8"));

  process.stderr.write(`$ ${command}\n`);
  const server = spawnTied("/bin/sh", ["-c", command], { cwd: clone, stdio: [2, 2] });
  owner.after(() => killGroup(server));
  while (!(await answers(page))) {
    if (server.exitCode !== null || server.signalCode !== null) throw new Problem(`${command} ended by itself`);
    await sleep(ASK_EVERY_MS);
  }
  const served = Date.now();
  const demo = await openDemo(owner, await startChromium(owner), new URL(page).origin);
  await demo.card("websocket").passes("in", "ping");
  const echoed = Date.now();
  await demo.send("hello");
  await demo.card("websocket").passes("in", 'a["hello"]');

  for (const { command, answer } of examples) {
    const { output } = await follow("/bin/sh", ["-c", command], { cwd: clone });
    if (!output.includes(answer)) throw new Problem(`${command} gave:\n${output}`);
  }
  process.stdout.write(`served after ${duration(served - started)}, the first message was back in the page after ${duration(echoed - started)}\n`);
}

/** The first command, the page to open after that, and the commands that are shown with their answer. */
function readQuickStart(readme) {
  const [, text] = /\n## Quick start\n([^]*?)\n## /.exec(readme) ?? [];
  const blocks = [...(text ?? "").matchAll(/```sh\n([^]*?)```/g)].map(([, block]) => block.trim());
  const [, page] = /open (http:\/\/[\w.:]+)/.exec(text) ?? [];
  if (!page || blocks.length === 0) throw new Problem("README has no quick start that can be followed");
  const [command] = blocks[0].split(/\s*(?:#|\n)/);
  const examples = blocks.map((block) => /^\$ (.*)\n([^]*)$/.exec(block)).filter(Boolean);
  return { command, page, examples: examples.map(([, command, answer]) => ({ command, answer })) };
}

async function answers(url) {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

function duration(ms) {
  const seconds = Math.round(ms / 1_000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
