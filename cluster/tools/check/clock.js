// Compares the clock of this machine with the one of the bucket's service. The clocks of all nodes must agree within 30 s, so
// none may differ much from one that all of them see.

const WARN_MS = 5_000;
const REFUSE_MS = 25_000;
/** A Date header has whole seconds: on average it is half a second old. */
const HALF_SECOND_MS = 500;

export class Clock {
  #report;
  #isChecked = false;

  constructor(report) {
    this.#report = report;
  }

  /**
   * Calls `ask`, which resolves to a response, and compares the response's Date with the time in the middle of the call, once.
   */
  async compare(ask) {
    const started = Date.now();
    const response = await ask();
    const date = Date.parse(response.headers.get("Date"));
    if (this.#isChecked || Number.isNaN(date)) return response;
    this.#isChecked = true;
    const offset = (started + Date.now()) / 2 - (date + HALF_SECOND_MS);
    if (Math.abs(offset) > REFUSE_MS) this.#report.problem(sentence(offset, "the nodes of a cluster must agree within 30 s"));
    else if (Math.abs(offset) > WARN_MS) this.#report.warning(sentence(offset, "a cluster bears less than 30 s"));
    return response;
  }
}

function sentence(offset, limit) {
  const seconds = Math.round(Math.abs(offset) / 1_000);
  return `this machine's clock is ${seconds} s ${offset > 0 ? "ahead of" : "behind"} the bucket's; ${limit}: run an NTP service`;
}
