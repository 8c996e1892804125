// node bench/cost/page.mjs FILE: writes the figures of `npm run cost -- --json FILE` into docs/deploying.md.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UsageError, main } from "../../scripts/run.mjs";
import { ROOT } from "../../scripts/tools.mjs";
import { HOURS_PER_MONTH } from "./bill.mjs";
import { PLACEMENTS } from "./servers.mjs";

const PAGE = join(ROOT, "docs/deploying.md");
const [BEGIN, END] = ["<!-- figures of npm run cost -->\n", "<!-- end of the figures -->\n"];
const PER_MILLION = 1e6;
const CONNECTIONS = 1000;

const COLUMNS = { opened: "open", "messages in": "message in", "messages out": "message out", closed: "close" };

await main(import.meta, async () => {
  const [file] = process.argv.slice(2);
  if (!file) throw new UsageError("which file has the figures?", "usage: node bench/cost/page.mjs FILE");
  const [before, rest] = readFileSync(PAGE, "utf8").split(BEGIN);
  const [, after] = rest.split(END);
  writeFileSync(PAGE, [before, BEGIN, markdown(JSON.parse(readFileSync(file, "utf8"))), END, after].join(""));
});

function markdown({ prices, results }) {
  const transports = [...new Set(results.filter(({ action }) => action === "open").map(({ transport }) => transport))];
  const dollars = (wanted) => results.find((result) => Object.keys(wanted).every((key) => result[key] === wanted[key])).dollars;
  const row = (placement) => (transport) => {
    const actions = Object.values(COLUMNS).map((action) => dollars({ placement, transport, action }) * PER_MILLION);
    const month = dollars({ placement, transport, action: "idle hour" }) * HOURS_PER_MONTH * CONNECTIONS;
    return `| \`${transport}\`, ${placement} | ${[...actions, month].map((value) => value.toFixed(2)).join(" | ")} |`;
  };
  const rows = PLACEMENTS.flatMap((placement) => transports.map(row(placement)));
  return `
US dollars at the prices of ${prices.read}, without what a plan includes, without the Worker's CPU time and without storage.

| | ${Object.keys(COLUMNS).map((name) => `million ${name}`).join(" | ")} | 1,000 idle for a month |
|---|---|---|---|---|---|
${rows.join("\n")}

`;
}
