// The bill of the visitor's connections: the steps, their number and their price.

import { PRICES, READ, dollarsOf, unitsOf } from "./prices.js";

const MILLION = 1e6;
const UNITS = {
  workerRequests: "Requests to the Worker",
  objectRequests: "Requests to objects",
  rowsWritten: "Rows written",
  rowsRead: "Rows read",
  gigabyteSeconds: "Objects at work, GB-s",
};
const STEPS = {
  open: "Opened",
  message: "Message and echo",
  heartbeat: "Heartbeat",
  restart: "Restart",
  close: "Closed by page",
  end: "Closed by server",
};

const $ = (id) => document.getElementById(id);

export class Bill {
  #used = Object.fromEntries(Object.keys(UNITS).map((unit) => [unit, 0]));
  #steps = new Map(Object.keys(STEPS).map((step) => [step, { count: 0, dollars: 0 }]));

  constructor() {
    $("prices-read").textContent = READ;
    this.show();
  }

  /** Adds a step of a connection over that transport. */
  add(step, transport) {
    const units = unitsOf(step, transport);
    for (const [unit, count] of Object.entries(units)) this.#used[unit] += count;
    const dollars = dollarsOf(units);
    const row = this.#steps.get(step);
    row.count += 1;
    row.dollars += dollars;
    $("last-step").textContent = `${STEPS[step].toLowerCase()} over ${transport}, ${money(dollars)}`;
  }

  show() {
    $("total").textContent = money(dollarsOf(this.#used));
    $("steps").replaceChildren(
      ...[...this.#steps].map(([step, { count, dollars }]) =>
        row(STEPS[step], count, money(dollars), count === 0 ? "–" : money((dollars / count) * MILLION)),
      ),
    );
    $("prices").replaceChildren(
      ...Object.entries(UNITS).map(([unit, name]) => row(name, this.#used[unit].toPrecision(3), money(PRICES[unit]))),
    );
  }
}

/** Two digits of any amount, such as "$0.0000012", and cents from a cent on. */
function money(dollars) {
  if (dollars === 0) return "$0";
  const digits = dollars >= 0.1 ? 2 : 1 - Math.floor(Math.log10(dollars));
  return `$${dollars.toFixed(Math.min(digits, 12))}`;
}

function row(name, ...values) {
  const element = document.createElement("tr");
  const heading = Object.assign(document.createElement("th"), { scope: "row", textContent: name });
  const cells = values.map((value) => Object.assign(document.createElement("td"), { textContent: value }));
  element.append(heading, ...cells);
  return element;
}
