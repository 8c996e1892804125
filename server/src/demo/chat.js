// The chat. Its room is in the page's address, so that whoever has that is in it.

import { Connection, randomName } from "./connection.js";

const LINES_MAX = 100;

const $ = (id) => document.getElementById(id);

export function startChat(announce) {
  const join = $("join").elements;
  const say = $("say").elements;
  const address = new URLSearchParams(location.hash.slice(1));
  const room = roomOf(address) ?? randomName();
  let connection;

  // What was filled in before this script came stays.
  if (address.has("over")) join.over.value = address.get("over");
  if (join.over.selectedIndex < 0) join.over.selectedIndex = 0;
  join.name.value ||= `Guest ${100 + (crypto.getRandomValues(new Uint16Array(1))[0] % 900)}`;
  $("room").textContent = room;
  // The other window takes another way.
  $("second").href = `#room=${room}&over=${join.over.value === "xhr-polling" ? "xhr-streaming" : "xhr-polling"}`;

  function connect() {
    showAddress();
    connection = new Connection(`${location.origin}/demo/chat/${room}`, join.over.value || undefined);
    connection.onchange = (state) => {
      if (state === "open") connection.send(JSON.stringify({ name: join.name.value.trim() || "Guest" }));
      else showPresent([]);
      if (state === "closed" || state === "waiting") {
        announce("Chat", `closed, ${connection.end.code} ${connection.end.reason}`);
      }
      show();
    };
    connection.onmessage = (data) => {
      const { present, ...said } = JSON.parse(data);
      if (present) showPresent(present);
      else showLine(said);
    };
    connection.connect();
  }

  function showAddress() {
    history.replaceState(null, "", `#room=${room}&over=${join.over.value}`);
  }

  function show() {
    const state = connection?.state ?? "closed";
    $("chat-state").dataset.state = state;
    $("chat-state").textContent = { open: `Joined over ${connection?.transport}`, closed: "Not joined", connecting: "Joining", waiting: "Reconnecting" }[state];
    $("join-button").disabled = false;
    $("join-button").textContent = state === "closed" ? "Join" : "Leave";
    for (const field of [join.name, join.over]) field.disabled = state !== "closed";
    for (const field of [say.text, $("say-button")]) field.disabled = state !== "open";
  }

  $("join").onsubmit = (event) => {
    event.preventDefault();
    if ((connection?.state ?? "closed") === "closed") connect();
    else if (!leave()) connection.close();
  };
  $("say").onsubmit = (event) => {
    event.preventDefault();
    const text = say.text.value.trim();
    if (text && connection.send(JSON.stringify({ text }))) say.text.value = "";
  };
  const leave = () => connection?.send(JSON.stringify("leave"));
  addEventListener("pagehide", leave);
  addEventListener("hashchange", () => {
    const other = roomOf(new URLSearchParams(location.hash.slice(1)));
    if (other && other !== room) location.reload();
    else if (connection) showAddress(); // a link within the page took it away
  });
  show();
  if (roomOf(address)) connect();
}

function roomOf(address) {
  return /^[\w-]{1,32}$/.exec(address.get("room") ?? "")?.[0];
}

function showPresent(present) {
  $("present").replaceChildren(...present.map((person) => withPerson("li", person)));
  $("nobody").hidden = present.length > 0;
}

function showLine({ from, text }) {
  const [log, said] = [$("log"), $("said")];
  const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 24;
  const line = withPerson("li", from);
  line.append(make("span", text, "text"));
  said.append(line);
  while (said.childElementCount > LINES_MAX) said.firstElementChild.remove();
  if (isAtEnd) log.scrollTop = log.scrollHeight;
}

function withPerson(element, { name, transport }) {
  const item = make(element, "");
  item.append(make("b", name), " ", make("span", transport, "tag"));
  return item;
}

function make(name, text, className = "") {
  return Object.assign(document.createElement(name), { textContent: text, className });
}
