// What is seen of one connection to the echo.

import { Plot, milliseconds, summary } from "./plot.js";

const FRAMES_MAX = 60;
const FRAME_CHARS = 160;
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
    echo.onecho = (text) => announce(transport, `“${text}” came back`);
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
    const text = frame.length > FRAME_CHARS ? `${frame.slice(0, FRAME_CHARS)}… ${frame.length} characters` : frame;
    this.#line(way, way === "in" ? "received" : "sent", way === "in" ? "↓" : "↑", text);
  }

  #note(text, kind = "") {
    this.#line(`note ${kind}`, "", "•", text);
  }

  #line(kind, spoken, sign, text) {
    const line = document.createElement("li");
    line.className = kind;
    const time = make("time", `${((performance.now() - this.#sinceMs) / 1000).toFixed(1)} s`);
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
  return end ? [end.code, end.reason].filter(Boolean).join(" ") : "not connected";
}

function duration(ms) {
  const seconds = Math.floor(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

function make(name, text, className = "") {
  return Object.assign(document.createElement(name), { textContent: text, className });
}
