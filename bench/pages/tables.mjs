// The tables of figures in README and docs/. Each is made from a file in docs/figures/ that a command wrote.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../scripts/tools.mjs";
import { HOURS_PER_MONTH, cpuDollars } from "../cost/bill.mjs";
import { PLACEMENTS } from "../cost/servers.mjs";

const PER_MILLION = 1e6;
const IDLE = 1_000;

/** By the name in the page's comment: the page, the file, and the lines of Markdown that are made from it. */
export const TABLES = {
  "cost of each transport": { page: "docs/deploying.md", file: "cost.json", lines: costTable },
  cost: { page: "docs/costs.md", file: "cost.json", lines: shortCostTable },
};

const begin = (name) => `<!-- figures: ${name} -->\n`;
const END = "<!-- end of the figures -->\n";

export const readFigures = (file) => JSON.parse(readFileSync(join(ROOT, "docs/figures", file), "utf8"));

/** Returns the text of a table as it stands in its page, and as it should. */
export function compareTable(name) {
  const { page, file, lines } = TABLES[name];
  const [, rest] = readFileSync(join(ROOT, page), "utf8").split(begin(name));
  if (rest === undefined) throw new Error(`${page} has no comment "figures: ${name}"`);
  const [is] = rest.split(END);
  return { is, should: `\n${lines(readFigures(file)).join("\n")}\n\n` };
}

/** Writes a table into its page. */
export function writeTable(name) {
  const path = join(ROOT, TABLES[name].page);
  const { is, should } = compareTable(name);
  const text = readFileSync(path, "utf8");
  writeFileSync(path, text.replace(`${begin(name)}${is}`, () => `${begin(name)}${should}`));
}

/** Returns the texts of README that state figures. */
export function readmeClaims() {
  return [`${dollars(idleMonth(readFigures("cost.json"), "websocket", "session by the Worker"))} a month`];
}

function row(...cells) {
  return `| ${cells.join(" | ")} |`;
}

function table(head, rows) {
  return [row(...head), `|${"---|".repeat(head.length)}`, ...rows.map((cells) => row(...cells))];
}

const dollars = (value) => `$${value.toFixed(2)}`;
const ACTIONS = { opened: "open", "messages in": "message in", "messages out": "message out", closed: "close" };

function dollarsOf({ results }, wanted) {
  return results.find((result) => Object.keys(wanted).every((key) => result[key] === wanted[key])).dollars;
}

function idleMonth(cost, transport, placement) {
  return dollarsOf(cost, { placement, transport, action: "idle hour" }) * HOURS_PER_MONTH * IDLE;
}

/** Returns the dollars for the Worker's CPU time of idle connections, if it was measured: polls were not. */
function idleCpuMonth({ results }, transport) {
  const beat = results.find((result) => result.action === "processor time" && result.transport === `a heartbeat, ${transport}`);
  return beat && cpuDollars(beat.microseconds) * beat.perHour * HOURS_PER_MONTH * IDLE;
}

function costTable(cost) {
  const transports = [...new Set(cost.results.filter(({ action }) => action === "open").map(({ transport }) => transport))];
  const rows = PLACEMENTS.flatMap((placement) =>
    transports.map((transport) => {
      const actions = Object.values(ACTIONS).map((action) => dollarsOf(cost, { placement, transport, action }) * PER_MILLION);
      return [`\`${transport}\`, ${placement}`, ...[...actions, idleMonth(cost, transport, placement)].map((value) => value.toFixed(2))];
    }),
  );
  const note = `US dollars at the prices of ${cost.prices.read}, without what a plan includes, without the Worker's CPU time and without storage.`;
  return [note, "", ...table(["", ...Object.keys(ACTIONS).map((name) => `million ${name}`), "1,000 idle for a month"], rows)];
}

const GROUPS = { WebSocket: ["websocket"], "`xhr-streaming`, `eventsource`, `htmlfile`": ["xhr-streaming", "eventsource", "htmlfile"], "`xhr-polling`, `jsonp-polling`": ["xhr-polling", "jsonp-polling"] };

/** Of several transports, the most expensive one. */
function shortCostTable(cost) {
  const shown = (figure) => (Number.isNaN(figure) ? "not measured" : figure.toFixed(figure < 10 ? 2 : 0));
  const most = (value) => Object.values(GROUPS).map((group) => shown(Math.max(...group.map(value))));
  const action = (name, placement = "session") => most((transport) => dollarsOf(cost, { placement, transport, action: name }) * PER_MILLION);
  const idle = (placement) => most((transport) => idleMonth(cost, transport, placement));
  return table(["US dollars", ...Object.keys(GROUPS)], [
    ["a million connections opened", ...action("open")],
    ["a million messages in", ...action("message in")],
    ["the same, where the Worker holds the WebSockets, each message alone", ...action("message in", "session by the Worker")],
    ["a million messages out", ...action("message out")],
    ["a million connections closed", ...action("close")],
    ["1,000 idle connections a month, an object each", ...idle("session")],
    ["the same, where the Worker keeps the clock and holds the WebSockets", ...idle("session by the Worker")],
    ["1,000 idle connections a month, in rooms of 100", ...idle("room")],
    ["the same, where the Worker keeps the clock and holds the WebSockets", ...idle("room by the Worker")],
    ["CPU time of the Worker that keeps the clock of 1,000 idle connections, a month, at most", ...most((transport) => idleCpuMonth(cost, transport))],
  ]);
}
