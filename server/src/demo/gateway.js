// Echoes through the gateway beside those of the direct service, transport by transport. They run one after the other, so that
// they neither disturb each other nor use up the browser's connections.

import { milliseconds } from "./plot.js";

const { SockJS } = window;

const ECHOES = 5;
/** Time for one trial. */
const LIMIT_MS = 15_000;

const $ = (id) => document.getElementById(id);

/** Shows the gateway, if the Worker has one. `direct` is the path of the echo. */
export async function startGateway(direct, transports) {
  const { gateway } = await (await fetch("/demo/about.json")).json();
  if (!gateway) return;
  const rows = transports.map((transport) => new Row(transport));
  $("gateway-path").textContent = gateway;
  $("comparison").replaceChildren(...rows.map(({ element }) => element));
  $("through").hidden = false;
  $("compare").onclick = async () => {
    $("compare").disabled = true;
    rows.forEach((row) => row.clear());
    let failed = 0;
    for (const row of rows) {
      $("gateway-state").textContent = `Trying ${row.transport}`;
      for (const [at, path] of [direct, gateway].entries()) failed += (await row.run(at, path)) ? 0 : 1;
    }
    const outcome = failed === 0 ? "every message came back" : `${failed} of ${2 * rows.length} failed`;
    $("gateway-state").textContent = `Tried ${rows.length} transports: ${outcome}`;
    $("compare").disabled = false;
  };
}

class Row {
  element = document.createElement("tr");
  #cells = [0, 1].map(() => make("td", "–"));

  constructor(transport) {
    this.transport = transport;
    const name = make("th", transport);
    name.scope = "row";
    this.element.append(name, ...this.#cells);
  }

  clear() {
    for (const cell of this.#cells) show(cell, "–");
  }

  /** Runs the trial of one service. Resolves to true if every message came back. */
  async run(at, path) {
    const cell = this.#cells[at];
    show(cell, "…");
    try {
      const { trip, opened } = await tryEcho(location.origin + path, this.transport);
      show(cell, milliseconds(trip));
      cell.append(make("small", `open after ${milliseconds(opened)}`));
      return true;
    } catch (error) {
      show(cell, error.message, "failed");
      return false;
    }
  }
}

/** Opens a connection and sends messages, each after the one before came back. Resolves to times in milliseconds. */
function tryEcho(url, transport) {
  return new Promise((resolve, reject) => {
    const sock = new SockJS(url, null, { transports: transport, timeout: LIMIT_MS });
    const started = performance.now();
    const trips = [];
    let opened;
    let message;
    let sentAt;
    const send = () => {
      message = `echo ${trips.length + 1}`;
      sentAt = performance.now();
      sock.send(message);
    };
    const limit = setTimeout(() => {
      reject(new Error(opened ? "no echo" : "not open"));
      sock.close();
    }, LIMIT_MS);
    sock.onopen = () => {
      opened = performance.now() - started;
      send();
    };
    sock.onmessage = ({ data }) => {
      if (data !== message) return; // what a service says by itself
      trips.push(performance.now() - sentAt);
      if (trips.length < ECHOES) return send();
      resolve({ opened, trip: trips.sort((a, b) => a - b)[ECHOES >> 1] });
      sock.close();
    };
    sock.onclose = ({ code, reason }) => {
      clearTimeout(limit);
      reject(new Error(`closed: ${code} ${reason}`)); // which says nothing after the last echo
    };
  });
}

function show(cell, text, className = "") {
  cell.textContent = text;
  cell.className = className;
}

function make(name, text) {
  return Object.assign(document.createElement(name), { textContent: text });
}
