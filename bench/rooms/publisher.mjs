// A sender: it numbers its calls, has one call in flight, and repeats a call whose answer was lost.

import { DESIGN, MESSAGE_BYTES, PLATFORM } from "./parameters.mjs";
import { Path } from "./network.mjs";

const PAUSE_MS = [50, 250];
const AGAIN_MS = 1000;

export class Publisher {
  #clock;
  #random;
  #root;
  #checker;
  #waiting = [];
  #call;
  #calls = 0;
  #sequence = 0;
  #there;
  #back;

  constructor({ name, clock, random, root, checker }) {
    this.name = name;
    this.#clock = clock;
    this.#random = random;
    this.#root = root;
    this.#checker = checker;
    this.#there = new Path(random);
    this.#back = this.#there.reverse();
  }

  get isIdle() {
    return !this.#call && this.#waiting.length === 0;
  }

  publish(id) {
    this.#sequence += 1;
    this.#checker.published(id, this.#clock.now);
    this.#waiting.push({ id, bytes: MESSAGE_BYTES, sender: this.name, sequence: this.#sequence });
    this.#next();
  }

  #next() {
    if (this.#call || this.#waiting.length === 0) return;
    this.#calls += 1;
    this.#call = { sender: this.name, call: this.#calls, messages: this.#waiting.splice(0, DESIGN.callMessages) };
    this.#send();
  }

  #send() {
    const call = this.#call;
    this.#clock.at(this.#there.arrival(this.#clock.now), () => {
      if (!this.#root.object.isUp) {
        this.#answered("lost");
        return;
      }
      this.#root.publish(call, (result) => this.#answered(this.#random.chance(PLATFORM.lostAnswerShare) ? "lost" : result));
    });
  }

  #answered(answer) {
    const { life } = this.#root.object;
    this.#clock.at(this.#back.arrival(this.#clock.now), () => {
      // A root that restarts loses the answers in flight.
      const result = life === this.#root.object.life ? answer : "lost";
      if (result === "accepted") {
        for (const { id } of this.#call.messages) this.#checker.accepted(id);
        this.#call = undefined;
        this.#next();
        return;
      }
      const pause = result === "again" ? AGAIN_MS : this.#random.between(...PAUSE_MS);
      this.#clock.after(pause, () => this.#send());
    });
  }
}
