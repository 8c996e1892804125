// What is seen of one connection to the echo.

import { Plot, milliseconds, summary } from "./plot.js";

const FRAMES_MAX = 60;
const FRAME_CHARS = 160;
const NEWS_CHARS = 60;
/** Streams over XMLHttpRequest begin with these, so that every browser begins to hand on what it has. */
const PRELUDE = /^h{2,}$/;
const STATES = { closed: "Closed", connecting: "Connecting", open: "Open", waiting: "Reconnecting" };

export class Card {
  element = document.getElementById("card").content.firstElementChild.cloneNode(true);
  #echo;
  #plot = new Plot();
  #frames = this.#part("frames");
  #sinceMs = performance.now();
  /** Whether the newest frame stays in view. */
  #follows = true;

  /** `announce` gets who and what a visitor should hear of. */
  constructor(transport, echo, announce) {
    const heading = this.#part("name");
    heading.textContent = transport;
    heading.id = `connection-${transport}`;
    this.element.setAttribute("aria-labelledby", heading.id);
    this.#frames.setAttribute("aria-label", `Frames of ${transport}`);
    this.#part("plot").append(this.#plot.element);
    this.#frames.onscroll = ({ target }) => {
      this.#follows = target.scrollHeight - target.scrollTop - target.clientHeight < 24;
    };
    this.#echo = echo;
    if (!echo) return;

    echo.onframe = (way, frame) => this.#frame(way, frame);
    echo.onheartbeat = () => this.#beat();
    echo.ontrip = () => {
      this.#plot.show(echo.trips);
      this.show();
    };
    echo.onecho = (text) => announce(transport, `“${shortened(text, NEWS_CHARS)}” came back`);
    echo.onnote = (what, about, kind) => {
      this.#note(`${about}: ${what}`, kind);
      announce(transport, what);
    };
    echo.onchange = (state) => {
      const text = this.#describe(state);
      this.#note(text, state === "open" ? "good" : state === "connecting" ? "" : "bad");
      if (state !== "connecting") announce(transport, text);
      this.#end(echo.end && state !== "open" ? `Last close: ${describeEnd(echo.end)}` : "");
      this.show();
    };
    this.show();
  }

  /** For a connection that is not made. */
  explain(text) {
    this.#state("closed", "Not connected");
    this.#end(text);
  }

  show() {
    const echo = this.#echo;
    if (!echo) return;
    this.#state(echo.state, STATES[echo.state]);
    this.#fact("session", echo.session || "–");
    this.#fact("object", echo.object || "–");
    this.#fact("age", echo.state === "open" ? duration(performance.now() - echo.openedAt) : "–");
    this.#fact("messages", `${echo.sent} sent, ${echo.received} back, ${echo.lost} lost`);
    this.#fact("heartbeats", echo.heartbeats);
    this.#fact("reconnects", echo.reconnects);
    this.#fact("restarts", echo.restarts === 1 ? "1 restart" : `${echo.restarts} restarts`);
    const trips = echo.trips;
    this.#fact("trip", trips.length > 0 ? milliseconds(trips.at(-1)) : "–");
    this.#fact("trips", trips.length > 0 ? summary(trips).join("\n") : "no round trips yet");
  }

  #beat() {
    const heartbeats = this.#part("heartbeats");
    heartbeats.classList.remove("beat");
    void heartbeats.offsetWidth; // or the animation would not start again
    heartbeats.classList.add("beat");
    this.show();
  }

  #describe(state) {
    const { end } = this.#echo;
    if (state === "open" || state === "connecting") return state;
    return `closed, ${describeEnd(end)}${state === "waiting" ? "; connects again" : ""}`;
  }

  #state(state, text) {
    const pill = this.#part("state");
    pill.dataset.state = state;
    pill.textContent = text;
  }

  #end(text) {
    const end = this.#part("end");
    end.textContent = text;
    end.hidden = !text;
  }

  #fact(name, text) {
    const part = this.#part(name);
    if (part.textContent !== String(text)) part.textContent = text;
  }

  #frame(way, frame) {
    let text = shortened(frame, FRAME_CHARS);
    if (PRELUDE.test(frame)) text = `hhh… ${frame.length} times, a prelude`;
    else if (text !== frame) text += ` ${frame.length} characters`;
    this.#line(way, way === "in" ? "received" : "sent", way === "in" ? "↓" : "↑", text);
  }

  #note(text, kind = "") {
    this.#line(`note ${kind}`, "", "•", text);
  }

  #line(kind, spoken, sign, text) {
    const line = document.createElement("li");
    line.className = kind;
    const time = make("time", seconds(performance.now() - this.#sinceMs));
    const mark = make("span", sign, "sign");
    mark.setAttribute("aria-hidden", "true");
    line.append(time, mark, make("span", spoken && `${spoken} `, "spoken"), make("code", text));
    const lines = this.#part("lines");
    lines.append(line);
    while (lines.childElementCount > FRAMES_MAX) lines.firstElementChild.remove();
    if (this.#follows) this.#frames.scrollTop = this.#frames.scrollHeight;
  }

  #part(name) {
    return this.element.querySelector(`[data-part="${name}"]`);
  }
}

function describeEnd(end) {
  if (!end) return "not connected";
  const reason = end.reason || (end.code === 1006 ? "the connection was lost" : "");
  return [end.code, reason].filter(Boolean).join(" ");
}

/** Such as "59 s", "9 min 59 s", "59 min", "3 h 46 min". */
function duration(ms) {
  const seconds = Math.floor(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes === 0) return `${seconds} s`;
  if (minutes < 10) return `${minutes} min ${seconds % 60} s`;
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Never wider than its column. */
function seconds(ms) {
  return `${(ms / 1000).toFixed(ms < 1_000_000 ? 1 : 0)} s`;
}

function shortened(text, chars) {
  return text.length > chars ? `${text.slice(0, chars)}…` : text;
}

function make(name, text, className = "") {
  return Object.assign(document.createElement(name), { textContent: text, className });
}
