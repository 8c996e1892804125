// The tables of figures in README and docs/. Each is made from a file in docs/figures/ that a command wrote.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../scripts/tools.mjs";
import { HOURS_PER_MONTH, cpuDollars } from "../cost/bill.mjs";
import { PLACEMENTS } from "../cost/servers.mjs";
import { table } from "../markdown.mjs";
import { cpuTable, memoryTable } from "../scaling/tables.mjs";
import { IDLE, dollarsOf, idleMonth, transportsOf } from "./dollars.mjs";

const PER_MILLION = 1e6;
const [CROWDED, DEEP, WIDE, ALONE] = ["100×8", "1×64", "1000×1", "1×1"];

/** By the name in the page's comment: the page, the file, and the lines of Markdown that are made from it. */
export const TABLES = {
  "speed, 100 sessions": { page: "docs/speed.md", file: "speed.json", lines: (figures) => speedTable(figures, CROWDED) },
  "speed, one session": { page: "docs/speed.md", file: "speed.json", lines: (figures) => speedTable(figures, DEEP) },
  "speed, 1,000 sessions": { page: "docs/speed.md", file: "speed.json", lines: (figures) => speedTable(figures, WIDE) },
  "speed, one message": { page: "docs/speed.md", file: "speed.json", lines: (figures) => speedTable(figures, ALONE) },
  "speed, other": { page: "docs/speed.md", file: "speed.json", lines: otherTable },
  "scaling, CPU": { page: "docs/speed.md", file: "scaling.json", lines: cpuTable },
  "scaling, memory": { page: "docs/speed.md", file: "scaling.json", lines: memoryTable },
  gateway: { page: "docs/gateway.md", file: "gateway.json", lines: gatewayTable },
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

/** Figures that README states, each with the text around it. */
export function readmeClaims() {
  const { figures } = readFigures("speed.json");
  const crowded = figures.filter(({ kind, options }) => kind === "rate" && options.inFlight !== undefined && shape(options) === CROWDED);
  const ratios = crowded.map(({ medians }) => medians["sockjs-edge"] / medians["sockjs-node"]);
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)].map(ratio);
  return [`${dollars(idleMonth(readFigures("cost.json"), "websocket", "session by the Worker"))} a month`, `[${least} to ${most}](docs/speed.md)`];
}

const ratio = (value) => (value === null || value === undefined ? "" : value.toFixed(2));
const dollars = (value) => `$${value.toFixed(2)}`;
const shape = ({ sessions, inFlight }) => `${sessions}×${inFlight}`;
const size = (bytes) => (bytes < 1024 ? `${bytes} B` : `${bytes / 1024} KiB`);

/** Servers of this project in speed.json beside `sockjs-edge`, with their names for a reader. */
const OURS = { "sockjs-edge": "", held: ", held by the Worker", typescript: ", in TypeScript" };

function speedTable({ figures }, wanted) {
  const rows = figures.filter(({ kind, options }) => kind === "rate" && options.bytes && options.inFlight && shape(options) === wanted);
  const processor = new Map(figures.filter(({ kind }) => kind === "processor").map((figure) => [figure.name, figure.medians]));
  const head = [wanted.replace("×", " × "), "by the floor", "by the JavaScript Worker with the same duties", "by sockjs-node", "CPU time by the floor"];
  return table(
    head,
    rows.flatMap(({ name, mode, options, medians }) =>
      Object.entries(OURS).flatMap(([server, note]) => {
        if (!medians[server] || (server === "held" && !mode.includes("websocket"))) return [];
        const by = (other) => ratio(medians[server] / medians[other]);
        const costs = processor.get(name);
        return [[`${mode}, ${size(options.bytes)}${note}`, by("floor"), by("duties"), by("sockjs-node"), ratio(costs[server] / costs.floor)]];
      }),
    ),
  );
}

function otherTable({ figures }) {
  const rows = figures.filter(({ kind, mode }) => (kind === "rate" && ["openings", "broadcast"].includes(mode)) || kind === "rss");
  const head = ["", "by the floor", "by the JavaScript Worker with the same duties", "by sockjs-node"];
  return table(head, rows.flatMap(({ name, medians }) =>
    Object.entries(OURS).flatMap(([server, note]) => {
      if (!medians[server]) return [];
      return [[`${name}${note}`, ...["floor", "duties", "sockjs-node"].map((other) => ratio(medians[server] / medians[other]))]];
    })));
}

function gatewayTable({ rows, ways, other }) {
  const throughput = ways.map((way) => `throughput of ${way} ÷ ${other}`);
  const head = ["connections × in flight", "bytes", ...throughput, ...[...ways, other].map((way) => `µs of CPU for each echo: ${way}`)];
  return table(head, rows.map(({ sessions, inFlight, bytes, ratios, processor }) => [
    `${sessions.toLocaleString("en")} × ${inFlight}`,
    bytes,
    ...ways.map((way) => `${ratio(ratios[way].median)} [${ratio(ratios[way].low)}–${ratio(ratios[way].high)}]`),
    ...[...ways, other].map((way) => processor[way].toFixed(0)),
  ]));
}

const ACTIONS = { opened: "open", "messages in": "message in", "messages out": "message out", closed: "close" };

/** Returns the dollars for the Worker's CPU time of idle connections, if it was measured: polls were not. */
function idleCpuMonth({ results }, transport) {
  const beat = results.find((result) => result.action === "processor time" && result.transport === `a heartbeat, ${transport}`);
  return beat && cpuDollars(beat.microseconds) * beat.perHour * HOURS_PER_MONTH * IDLE;
}

function costTable(cost) {
  const rows = PLACEMENTS.flatMap((placement) =>
    transportsOf(cost).map((transport) => {
      const actions = Object.values(ACTIONS).map((action) => dollarsOf(cost, { placement, transport, action }) * PER_MILLION);
      return [`\`${transport}\`, ${placement}`, ...[...actions, idleMonth(cost, transport, placement)].map((value) => value.toFixed(2))];
    }),
  );
  const prices = `US dollars at the prices of ${cost.prices.read}.`;
  const note = "The figures do not deduct the usage that a plan includes, and leave out the Worker's CPU time and storage.";
  return [`${prices} ${note}`, "", ...table(["", ...Object.keys(ACTIONS).map((name) => `million ${name}`), "1,000 idle for a month"], rows)];
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
    ["the same, with `websocket_holder` and `heartbeats` set to `worker`, and messages 2 s apart", ...action("message in", "session by the Worker")],
    ["a million messages out", ...action("message out")],
    ["a million connections closed", ...action("close")],
    ["1,000 idle connections a month, an object each", ...idle("session")],
    ["the same, where the Worker keeps the clock and holds the WebSockets", ...idle("session by the Worker")],
    ["1,000 idle connections a month, in rooms of 100", ...idle("room")],
    ["the same, where the Worker keeps the clock and holds the WebSockets", ...idle("room by the Worker")],
    ["upper bound for the Worker's CPU time in a month, if the Worker sends the heartbeats of 1,000 idle connections", ...most((transport) => idleCpuMonth(cost, transport))],
  ]);
}
