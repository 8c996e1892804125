// The page's controls: which connections there are, and what they are told.

import { Card } from "./card.js";
import { startChat } from "./chat.js";
import { Bill } from "./cost.js";
import { Echo } from "./echo.js";
import { startGateway } from "./gateway.js";
import { places } from "./places.js";
import { countVisitors } from "./visitors.js";

const ECHO = "/demo/echo";
const PING_EVERY_MS = 1_000;
/** A page that nobody looks at stops measuring. */
const PINGS_END_AFTER_MS = 300_000;
/** Time for arrow keys to pass over a choice. */
const SETTLE_MS = 250;
const NEWS_MS = 300;
const NEWS_MAX = 3;
const NO_ROOM =
  "Pick it alone: over HTTP/1.1 a browser has six connections to a host, and the others keep them.";

const $ = (id) => document.getElementById(id);
const controls = $("controls").elements;
const choices = [...document.querySelectorAll("input[name=transport]")];

const bill = new Bill();
/** Each `{ card, echo }`; no `echo` where none is made. */
let shown = [];
let turn = 0;
let lastTouched = performance.now();
let choiceTimer;
let newsTimer;

async function connect() {
  const mine = (turn += 1);
  for (const echo of echoes()) {
    echo.onchange = () => {}; // its card goes
    echo.close();
  }
  const choice = choices.find((choice) => choice.checked).value;
  const all = choice === "all";
  const transports = all ? offered() : [choice];
  const where = all ? await places(transports, ECHO) : new Map([[choice, location.origin]]);
  if (mine !== turn) return; // another choice was made meanwhile
  shown = transports.map((transport) => {
    const origin = where.get(transport);
    const echo = origin && new Echo(origin + ECHO, transport);
    const card = new Card(transport, echo, announce);
    if (echo) echo.onstep = (step) => bill.add(step, transport);
    else card.explain(NO_ROOM);
    return { card, echo };
  });
  $("cards").replaceChildren(...shown.map(({ card }) => card.element));
  $("cards").classList.toggle("alone", !all);
  for (const echo of echoes()) {
    const showCard = echo.onchange;
    echo.onchange = (...change) => {
      showCard(...change);
      if (change[0] === "open") echo.ping();
      showControls();
    };
    echo.connect();
  }
  showControls();
}

function disconnect() {
  for (const echo of echoes()) echo.close();
}

function echoes() {
  return shown.map(({ echo }) => echo).filter(Boolean);
}

function offered() {
  return choices.filter(({ value, disabled }) => value !== "all" && !disabled).map(({ value }) => value);
}

function showControls() {
  const open = echoes().some(({ state }) => state === "open");
  const alive = echoes().some(({ state }) => state !== "closed");
  $("connect").textContent = alive ? "Disconnect" : "Connect";
  for (const id of ["restart", "server-close", "send"]) $(id).disabled = !open;
}

/** What happened last, and to whom: what happens to many at the same time is said once. */
const news = new Map();

function announce(who, what) {
  const subjects = news.get(what) ?? new Set();
  news.delete(what);
  news.set(what, subjects.add(who));
  if (news.size > NEWS_MAX) news.delete(news.keys().next().value);
  clearTimeout(newsTimer);
  newsTimer = setTimeout(() => {
    const subject = (all) => (all.size > 2 ? `${all.size} connections` : [...all].join(" and "));
    $("news").textContent = [...news].map(([what, all]) => `${subject(all)}: ${what}`).join(". ");
    news.clear();
  }, NEWS_MS);
}

function tick() {
  if (controls.pings.checked && performance.now() - lastTouched > PINGS_END_AFTER_MS) {
    controls.pings.checked = false;
    announce("Pings", "stopped, since nobody touched the page for five minutes");
  }
  if (controls.pings.checked && !document.hidden) echoes().forEach((echo) => echo.ping());
  shown.forEach(({ card }) => card.show());
  bill.show();
}

/** Leaves out what the server does not offer. Resolves to the transports that it offers. */
async function readOffer() {
  const { transports, origins } = await (await fetch(`${ECHO}/info`)).json();
  for (const choice of choices) {
    const [, frame, name] = /^(iframe-)?(.*)$/.exec(choice.value);
    choice.disabled = name !== "all" && (!transports.includes(name) || (frame !== undefined && !origins));
  }
  const choice = choices.find(({ checked }) => checked);
  if (choice.disabled) choices.find(({ disabled }) => !disabled).checked = true;
  return offered();
}

$("connect").onclick = () => {
  if (echoes().some(({ state }) => state !== "closed")) disconnect();
  else connect();
};
$("restart").onclick = () => echoes().forEach((echo) => echo.restart());
$("server-close").onclick = () => echoes().forEach((echo) => echo.askToClose());
$("controls").onsubmit = (event) => {
  event.preventDefault();
  const text = controls.message.value.trim();
  if (!text) return;
  echoes().forEach((echo) => echo.say(text));
  controls.message.value = "";
};
for (const choice of choices) {
  choice.onchange = () => {
    clearTimeout(choiceTimer);
    choiceTimer = setTimeout(connect, SETTLE_MS);
  };
}
for (const event of ["pointerdown", "keydown"]) addEventListener(event, () => (lastTouched = performance.now()));
// A page that is left says so; one that comes back from the browser's cache starts anew.
addEventListener("pagehide", disconnect);
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());

$("code").textContent = `new SockJS("${location.origin}${ECHO}")`;
const transports = await readOffer().catch(offered);
startChat(announce);
if (transports.includes("websocket")) countVisitors();
startGateway(ECHO, transports).catch(() => {});
setInterval(tick, PING_EVERY_MS);
connect();
